// IDX and CSV files: what they say is read, and what is wrong is answered by a line and a reason.

import BloxNN
import Foundation
import TestSupport
import Testing

@Suite("IDX and CSV files")
struct TableFileTests {
  private func message(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "no error"
    } catch {
      return (error as? BloxError)?.message ?? "\(error)"
    }
  }

  // MARK: IDX

  @Test("IDX images are read, plain or compressed in any way")
  func images() throws {
    for name in ["images", "fixed", "members"] {
      for suffix in ["", ".gz"] where name == "images" || suffix == ".gz" {
        let images = try IDXFile.load(TensorFileTests.fixture("\(name).idx3-ubyte\(suffix)"))
        #expect(images.type == TensorType(.u8, [5, 4, 3]))
        #expect(try images.scalars(as: Int.self) == (0..<60).map { $0 % 251 })
      }
    }
    for dtype in [DType.i8, .i16, .i32, .f32, .f64] {
      let x = try IDXFile.load(TensorFileTests.fixture("\(dtype).idx"))
      #expect(x.type == TensorType(dtype, [3]))
      #expect(try x.scalars(as: Int.self) == [1, -2, 100])
    }
  }

  @Test("Damaged IDX and gzip files are refused, whatever byte is wrong")
  func damagedIDX() throws {
    try TensorFileTests.withFolder { folder in
      let path = folder + "/x.idx"
      func load(_ bytes: [UInt8]) throws -> Tensor {
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        return try IDXFile.load(path)
      }
      for (bytes, wanted) in [
        ([], "is no IDX file"), ([0, 0, 8], "is no IDX file"), ([1, 0, 8, 1], "is no IDX file"),
        ([0, 0, 7, 0], "dtype code 7 is not known"), ([0, 0, 8, 1, 0, 0], "ends within the sizes"),
        ([0, 0, 8, 1, 0, 0, 0, 2, 5], "u8[2] has 2 bytes of elements; the file has 1"),
        ([0, 0, 8, 0, 5, 6], "u8[] has 1 bytes of elements; the file has 2"),
        ([0, 0, 8, 2] + Array(repeating: 0xFF, count: 8), "does not fit in memory"),
        ([0, 0, 8, 65] + Array(repeating: 0, count: 260), "65 dimensions"),
        ([0x1F, 0x8B, 8, 0], "the gzip file ends in the middle"),
        ([0x1F, 0x8B, 9, 0] + Array(repeating: 0, count: 20), "should be a gzip member is none"),
      ] as [([UInt8], String)] {
        let text = message { _ = try load(bytes) }
        #expect(text.contains(wanted), "\(bytes.prefix(10)): \(text)")
      }
      let good = try Fixtures.bytes(at: TensorFileTests.fixture("members.idx3-ubyte.gz"))
      for index in good.indices {
        #expect(message { _ = try load(Array(good[..<index])) } != "no error", "\(index) bytes")
        for bit in [0, 5] {
          var bytes = good
          bytes[index] ^= 1 << UInt8(bit)
          do {
            // Names, dates and such are not checked; contents are.
            #expect(try load(bytes).scalars(as: Int.self) == (0..<60).map { $0 % 251 }, "bit \(bit) of byte \(index)")
          } catch let error as BloxError {
            #expect(error.code == .file)
          }
        }
      }
    }
  }

  // MARK: CSV

  @Test("Fields, quotes and line ends are those of RFC 4180")
  func grammar() throws {
    for (text, wanted) in [
      ("a,b\n1,2\n3,4\n", [["1", "2"], ["3", "4"]]), ("a,b\r\n1,2\r\n3,4", [["1", "2"], ["3", "4"]]),
      ("\u{FEFF}a,b\n1,2", [["1", "2"]]), ("a,b", []), ("a\n\nx\n", [[""], ["x"]]),
      ("a,b\n\"x, \"\"y\"\"\",\"two\r\nlines\"\n,\n", [["x, \"y\"", "two\r\nlines"], ["", ""]]),
      ("a,b\n\"\",é 🙂\n", [["", "é 🙂"]]), ("a,b\n x , y \n", [[" x ", " y "]]),
    ] {
      let table = try CSVTable(parsing: text)
      #expect(table.rowCount == wanted.count)
      let columns = try table.names.map { try table.strings($0) }
      #expect(wanted.indices.map { row in columns.map { $0[row] } } == wanted, "\(text)")
    }
    let table = try CSVTable(parsing: "1;2\n3;4", hasHeader: false, delimiter: ";")
    #expect(table.names == ["0", "1"])
    #expect(try table.tensor("1").scalars(as: Int.self) == [2, 4])
  }

  @Test("Errors of the grammar have the line and say what to do")
  func grammarErrors() throws {
    for (text, wanted) in [
      ("", "<text>: there is no row, not even a header"),
      ("a,b\n1\n", "<text>:2: 1 field, but the first row has 2"),
      ("a,b\n1,\"x\ny\"\n1,2,3\n", "<text>:4: 3 fields, but the first row has 2"),
      ("a,b\n\n1,2", "<text>:2: 1 field, but the first row has 2"),
      ("a,a\n", "<text>:1: two columns are called 'a'"),
      ("a\nx\n\"y\nz", "<text>:3: a quoted field that does not end"),
      ("a\n\"x\"y\n", "<text>:2: text behind the closing quote of a field"),
      ("a\nx\"y\n", "<text>:2: a quote within a field"),
      ("a\rb\r", "<text>:1: a carriage return without a line feed"),
    ] {
      let text2 = message { _ = try CSVTable(parsing: text) }
      #expect(text2.hasPrefix(wanted), "\(text): \(text2)")
    }
    for delimiter: Character in ["\"", "\n", "→"] {
      #expect(message { _ = try CSVTable(parsing: "a", delimiter: delimiter) }.contains("is no ASCII character"))
    }
    #expect(message { _ = try CSVTable(contentsOf: "/missing/x.csv") }.contains("cannot read /missing/x.csv"))
  }

  @Test("Columns become numbers of the dtype that is asked for, or categories")
  func columns() throws {
    let table = try CSVTable(
      parsing: "n,x,kind,gap\n 1 ,0.5,b,1\n-2,1e3,a,\n3,-inf,b,3\n", source: "data.csv")
    #expect(try table.names.map { try table.type(of: $0) } == [.integer, .number, .text, .text])
    #expect(try table.numbers("x") == [0.5, 1000, -.infinity])
    #expect(try table.tensor("n", dtype: .i8).constant() == Tensor([1, -2, 3], dtype: .i8).constant())
    #expect(try table.tensor(["n", "x"]).type == TensorType(.f32, [3, 2]))
    #expect(try table.tensor(["n", "x"]).slice(1..<2).scalars(as: Float.self) == [-2, 1000])
    #expect(try table.tensor([]).shape == [3, 0])
    let (classes, names) = try table.categories("kind")
    #expect(try names == ["a", "b"] && classes.scalars(as: Int.self) == [1, 0, 1] && classes.dtype == .i32)
    #expect(try table.numbers("gap", missing: -1) == [1, -1, 3])
    for (wanted, body) in [
      ("data.csv:3: column 'gap': the cell is empty where a number is needed", { _ = try table.numbers("gap") }),
      ("data.csv:2: column 'kind': 'b' is no number", { _ = try table.tensor("kind") }),
      ("data.csv:3: column 'n': '-2' is no whole number of u64", { _ = try table.tensor("n", dtype: .u64) }),
      ("data.csv:2: column 'x': '0.5' is no whole number of i32", { _ = try table.tensor("x", dtype: .i32) }),
      ("data.csv has no column 'y'; it has n, x, kind, gap", { _ = try table.strings("y") }),
      ("cannot become key; choose a dtype of numbers", { _ = try table.tensor("n", dtype: .key) }),
    ] as [(String, () throws -> Void)] {
      #expect(message(body) == wanted || message(body).hasSuffix(wanted), "\(message(body))")
    }
    for (text, dtype) in [
      ("18446744073709551615", DType.u64), ("-9223372036854775808", .i64), ("9223372036854775807", .i64), ("-128", .i8),
    ] {
      let value = try CSVTable(parsing: "v\n\(text)").tensor("v", dtype: dtype)
      #expect(try value.reshape([]).description == text)
    }
    #expect(message { _ = try CSVTable(parsing: "v\n256").tensor("v", dtype: .u8) }.contains("whole number of u8"))
    #expect(message { _ = try CSVTable(parsing: "v\n0x10").numbers("v") }.contains("'0x10' is no number"))
    #expect(try CSVTable(parsing: "v\nnan").numbers("v")[0].isNaN)
  }

  @Test("No text brings the reader down")
  func hostileText() throws {
    var generator = SeededGenerator(seed: 5)
    let symbols = ["a", "1", ",", "\"", "\n", "\r", "\r\n", "é", " "]
    for _ in 0..<2000 {
      let length = Int.random(in: 0..<30, using: &generator)
      let text = (0..<length).map { _ in symbols[Int.random(in: 0..<symbols.count, using: &generator)] }.joined()
      do {
        let table = try CSVTable(parsing: text)
        for name in table.names {
          let cells = try table.strings(name)
          #expect(cells.count == table.rowCount)
        }
      } catch {
        #expect(error.code == .file, "\(text.debugDescription)")
      }
    }
  }
}
