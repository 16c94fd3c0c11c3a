// Tensors as text, in the manner of NumPy.

import BloxIR

extension Tensor: CustomStringConvertible {
  /// The elements in nested brackets with aligned columns, summarised when there are more than 1000; a traced tensor
  /// shows its type and what made it.
  public var description: String {
    switch representation {
    case .traced(let tracer): return "Tensor(\(tracer.type), traced by \(tracer.trace.name))"
    case .abstract(let type): return "Tensor(\(type), abstract)"
    case .concrete(let buffer):
      do {
        return TensorText(DenseConstant(try buffer.storage(), buffer.type)).text
      } catch {
        return "Tensor(\(buffer.type), donated)"
      }
    }
  }
}
