import BloxIR
package struct BatchedProgram { package var program: Program; package var outAxes: [Int?] }
package func batched(_ program: Program, size: Int, axisName: String?, inAxes: [Int?], axes: [String: Int]) throws(BloxError) -> BatchedProgram { BatchedProgram(program: program, outAxes: []) }
package func mappedChain(_ program: Program, inAxes: [Int?], axisName: String?, resultIndex: Int) -> [String] { [] }
