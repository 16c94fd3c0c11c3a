// What the grammar of program text says, before names and types are resolved. Offsets point into the text.

struct ProgramSyntax: Sendable {
  var name: NameSyntax
  var parameters: [ParameterSyntax]
  var results: [ResultSyntax]
  var attributes: [AttributeSyntax]
  var body: BodySyntax
}

struct ParameterSyntax: Sendable {
  var name: NameSyntax
  var type: TensorType
  var attributes: [AttributeSyntax]
}

struct ResultSyntax: Sendable {
  var type: TensorType
  var offset: Int
  var attributes: [AttributeSyntax]
}

struct BodySyntax: Sendable {
  var statements: [StatementSyntax]
  var returned: [OperandSyntax]
  var returnOffset: Int
}

struct StatementSyntax: Sendable {
  /// The names that are defined, with the types that the text gives them.
  var results: [(name: NameSyntax, type: TensorType, typeOffset: Int)]
  var op: NameSyntax
  var callee: NameSyntax?
  /// The elements of `constant dense<…>`, which are read while parsing because there can be many.
  var dense: DenseConstant?
  var operands: [OperandSyntax]
  var attributes: [AttributeSyntax]
  var regions: [RegionSyntax]
  var note: SourceNote
}

struct RegionSyntax: Sendable {
  var label: NameSyntax
  var parameters: [ParameterSyntax]
  var attributes: [AttributeSyntax]
  var body: BodySyntax
}

enum OperandSyntax: Sendable {
  case value(NameSyntax)
  /// The bytes of a literal, whose dtype depends on where it stands.
  case literal(Range<Int>)

  var offset: Int {
    switch self {
    case .value(let name): name.offset
    case .literal(let range): range.lowerBound
    }
  }
}

struct AttributeSyntax: Sendable {
  var key: NameSyntax
  var value: AttributeValue
  var valueOffset: Int
}

/// The forms an attribute's value can have.
enum AttributeValue: Sendable, Equatable {
  /// `jvp=@f`
  case program(NameSyntax)
  /// `donated`: the key alone.
  case flag
  /// `axis=1`
  case integer(Int)
  /// `arg="x"`
  case string(String)
  /// `direction=gt`, `buffer=arena[64]`
  case word(String, index: Int?)
  /// `dims=[0,1]`, `buffers=[result[0], const]`
  case list([AttributeValue])
  /// `contract=[1]x[0]`
  case pair([AttributeValue], [AttributeValue])
}
