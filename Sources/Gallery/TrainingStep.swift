// What the training steps of the examples have in common.

import BloxNN

/// One step of training: split, value and gradient, update, merge.
///
/// - Parameters:
///   - optimizer: What turns gradients into updates of the trainable parameters.
///   - loss: The loss for trainable parameters and state, and the state that the forward pass advanced.
/// - Returns: The parameters and the optimizer's state after the step, and the loss before it.
func trainingStep(
  _ params: Params, _ optimizerState: OptimizerState<Params>, _ optimizer: some GradientTransformation,
  loss: @escaping (Params, Params) throws -> (Tensor, Params)
) throws -> (Params, OptimizerState<Params>, Tensor) {
  let (trainable, state) = params.split()
  let (value, newState, gradients) = try valueAndGrad(loss)(trainable, state)
  let (updates, newOptimizerState) = try optimizer.update(gradients, optimizerState, trainable)
  return (try applyUpdates(trainable, updates).merge(newState), newOptimizerState, value)
}
