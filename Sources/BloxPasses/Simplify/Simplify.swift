import BloxIR
extension Program {
  package func simplified(_ context: PassContext) throws(BloxError) -> Program { self }
}
