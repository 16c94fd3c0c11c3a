#!/usr/bin/env python3
"""Writes the reference numbers of Tests/Fixtures/Optimizers from optax.

Needs jax 0.10.2, optax 0.2.8 and safetensors:

  python3 Scripts/make_optimizer_fixtures.py

The files have the form that Scripts/make_fixtures.py describes. By `op`:

  optimizer  x0... are the parameters {a, b, m} followed by gradients {a, b, m} for each step; the
             outputs are the parameters after each step
  average    the same, but the outputs are what the transformation makes of the gradients
  schedule   x0 are steps, the output is the number at each
  loss       a function of its inputs, with derivatives
"""

import argparse
import json
import os
import pathlib
import zlib

os.environ.setdefault('JAX_PLATFORMS', 'cpu')

import jax
import jax.numpy as jnp
import numpy as np
import optax
from safetensors.numpy import save_file

HERE = pathlib.Path(__file__).resolve().parent
OUT = HERE.parent / 'Tests' / 'Fixtures' / 'Optimizers'

TENSORS = {}
CASES = []


def put(name, value):
  assert name not in TENSORS, name
  TENSORS[name] = np.array(np.asarray(value), order='C')
  return name


def put_all(name, prefix, values):
  return [put(f'{name}/{prefix}{i}', v) for i, v in enumerate(values)]


def generator(name):
  return np.random.default_rng(zlib.crc32(name.encode()))


def matrices(params):
  return jax.tree.map(lambda p: p.ndim > 1, params)


def cosine():
  return optax.warmup_cosine_decay_schedule(0.0, 0.1, 2, 6, 0.01)


OPTIMIZERS = {
    'sgd': optax.sgd(0.1),
    'sgd/momentum': optax.sgd(0.1, momentum=0.9),
    'sgd/nesterov': optax.sgd(0.1, momentum=0.9, nesterov=True),
    'sgd/schedule': optax.sgd(cosine(), momentum=0.9),
    'adam': optax.adam(1e-2),
    'adam/nesterov': optax.nadam(1e-2, b1=0.8),
    'adam/schedule': optax.adam(cosine(), eps=1e-6),
    'adamw': optax.adamw(1e-2),
    'adamw/mask': optax.adamw(1e-2, weight_decay=0.1, mask=matrices),
    'adamw/nesterov': optax.nadamw(1e-2, weight_decay=0.1),
    'adamw/schedule': optax.adamw(cosine(), b2=0.95, weight_decay=0.1),
    'lion': optax.lion(1e-2),
    'lion/mask': optax.lion(1e-2, b1=0.95, weight_decay=0.1, mask=matrices),
    'lion/schedule': optax.lion(cosine()),
    'rmsprop': optax.rmsprop(1e-2),
    'rmsprop/centered': optax.rmsprop(1e-2, decay=0.95, eps=1e-3, centered=True),
    'rmsprop/momentum': optax.rmsprop(1e-2, momentum=0.9),
    'rmsprop/nesterov': optax.rmsprop(cosine(), momentum=0.9, nesterov=True, centered=True, eps=1e-3),
    'adagrad': optax.adagrad(0.1),
    'adagrad/schedule': optax.adagrad(cosine(), initial_accumulator_value=0.0),
    'adafactor': optax.adafactor(1e-2),
    'adafactor/factored': optax.adafactor(1e-2, min_dim_size_to_factor=2),
    'adafactor/all': optax.adafactor(
        cosine(), min_dim_size_to_factor=3, momentum=0.9, weight_decay_rate=1e-2,
        multiply_by_parameter_scale=False, clipping_threshold=0.5),
    'adafactor/no_rate': optax.adafactor(None, min_dim_size_to_factor=2, clipping_threshold=None),
    'chain/clip_norm': optax.chain(optax.clip_by_global_norm(0.5), optax.sgd(0.1)),
    'chain/clip_norm_large': optax.chain(optax.clip_by_global_norm(100.0), optax.sgd(0.1)),
    'chain/clip_value': optax.chain(optax.clip(0.3), optax.adam(1e-2)),
    'chain/decay': optax.chain(optax.add_decayed_weights(0.1, mask=matrices), optax.sgd(0.1, 0.9)),
    'chain/parts': optax.chain(
        optax.clip_by_global_norm(1.0), optax.scale_by_adam(), optax.scale(0.5),
        optax.scale_by_learning_rate(cosine())),
    'accumulate': optax.MultiSteps(optax.adam(1e-2), 3).gradient_transformation(),
    'accumulate/one': optax.MultiSteps(optax.sgd(0.1), 1).gradient_transformation(),
}
AVERAGES = {
    'ema': optax.ema(0.9),
    'ema/biased': optax.ema(0.9, debias=False),
}
SHAPES = dict(a=(3, 4), b=(4,), m=(2, 5, 3))


def optimizers():
  for op, table, steps in (('optimizer', OPTIMIZERS, 7), ('average', AVERAGES, 3)):
    for name, tx in table.items():
      rng = generator(name)
      draw = lambda: {k: rng.normal(size=s).astype(np.float32) for k, s in SHAPES.items()}
      params = draw()
      gradients = [draw() for _ in range(steps)]
      gradients[1]['b'][:2] = 0  # where dividing by sizes could go wrong
      inputs = [t for tree in (params, *gradients) for t in jax.tree.leaves(tree)]
      state, outputs = tx.init(params), []
      for g in gradients:
        updates, state = tx.update(g, state, params)
        if op == 'optimizer':
          params = optax.apply_updates(params, updates)
        outputs += jax.tree.leaves(params if op == 'optimizer' else updates)
      CASES.append(
          dict(name=name, op=op, inputs=put_all(name, 'x', inputs),
               outputs=put_all(name, 'y', outputs), rtol=2e-5, atol=2e-6))


SCHEDULES = {
    'constant': optax.constant_schedule(0.3),
    'linear': optax.linear_schedule(1.0, 0.1, 10),
    'linear/begin': optax.linear_schedule(0.0, 2.0, 7, 5),
    'polynomial': optax.polynomial_schedule(1.0, 0.2, 2.5, 20, 3),
    'cosine': optax.cosine_decay_schedule(0.5, 50),
    'cosine/alpha': optax.cosine_decay_schedule(0.5, 50, 0.1, 1.7),
    'exponential': optax.exponential_decay(1.0, 10, 0.8),
    'exponential/staircase': optax.exponential_decay(1.0, 7, 0.5, 4, True, 0.01),
    'exponential/growth': optax.exponential_decay(1.0, 7, 1.5, 0, False, 20.0),
    'piecewise': optax.piecewise_constant_schedule(1.0, {3: 0.5, 10: 0.1, 50: 3.0}),
    'join': optax.join_schedules(
        [optax.linear_schedule(0.0, 1.0, 4), optax.constant_schedule(0.7),
         optax.exponential_decay(0.7, 5, 0.5)], [4, 10]),
    'warmup': optax.warmup_constant_schedule(0.1, 0.9, 6),
    'warmup_cosine': optax.warmup_cosine_decay_schedule(0.0, 3e-4, 10, 100, 1e-5),
    'warmup_cosine/exponent': optax.warmup_cosine_decay_schedule(0.1, 1.0, 5, 40, 0.2, 2.0),
    'warmup_linear': optax.join_schedules(
        [optax.linear_schedule(0.0, 1.0, 5), optax.linear_schedule(1.0, 0.1, 15)], [5]),
}
STEPS = [0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 15, 20, 30, 49, 50, 51, 99, 100, 101, 1000, 100000]


def schedules():
  for name, schedule in SCHEDULES.items():
    steps = np.array(STEPS, np.int32)
    values = [np.float32(schedule(jnp.asarray(s))) for s in steps]
    CASES.append(
        dict(name=name, op='schedule', inputs=put_all(name, 'x', [steps]),
             outputs=put_all(name, 'y', [np.array(values)]), rtol=2e-6, atol=2e-7))


def logits(rng, shape=(5, 4)):
  return rng.normal(0, 2, shape).astype(np.float32)


def distributions(rng):
  return np.asarray(jax.nn.softmax(logits(rng)))


def with_zeros(rng):
  p = distributions(rng).copy()
  p[:, 1] = 0
  return p / p.sum(-1, keepdims=True)


def classes(rng):
  return rng.integers(0, 4, 5).astype(np.int32)


def bits(rng):
  return rng.integers(0, 2, (5, 4)).astype(np.float32)


def signs(rng):
  return 2 * bits(rng) - 1


# name: (function, its optax name, inputs, inputs with derivatives)
LOSSES = {
    'softmaxCrossEntropy': (optax.losses.softmax_cross_entropy, [logits, distributions], [0, 1]),
    'softmaxCrossEntropy/classes': (
        optax.losses.softmax_cross_entropy_with_integer_labels, [logits, classes], [0]),
    'softmaxCrossEntropy/smoothed': (
        lambda x, y: optax.losses.softmax_cross_entropy(x, optax.losses.smooth_labels(jax.nn.one_hot(y, 4), 0.1)),
        [logits, classes], [0]),
    'smoothLabels': (lambda x: optax.losses.smooth_labels(x, 0.2), [distributions], [0]),
    'polyCrossEntropy': (optax.losses.poly_loss_cross_entropy, [logits, distributions], [0, 1]),
    'sigmoidBinaryCrossEntropy': (optax.losses.sigmoid_binary_cross_entropy, [logits, bits], [0]),
    'sigmoidFocalLoss': (optax.losses.sigmoid_focal_loss, [logits, bits], [0]),
    'sigmoidFocalLoss/alpha': (
        lambda x, y: optax.losses.sigmoid_focal_loss(x, y, alpha=0.3, gamma=1.5), [logits, bits], [0]),
    'klDivergence': (optax.losses.kl_divergence, [lambda r: np.log(distributions(r)), distributions], [0, 1]),
    'klDivergence/zeros': (optax.losses.kl_divergence, [lambda r: np.log(distributions(r)), with_zeros], [0]),
    'klDivergence/log': (
        optax.losses.kl_divergence_with_log_targets,
        [lambda r: np.log(distributions(r)), lambda r: np.log(distributions(r))], [0, 1]),
    'hingeLoss': (optax.losses.hinge_loss, [logits, signs], [0]),
    'multiclassHingeLoss': (optax.losses.multiclass_hinge_loss, [logits, classes], [0]),
    'squaredError': (optax.losses.squared_error, [logits, logits], [0, 1]),
    'l2Loss': (optax.losses.l2_loss, [logits, logits], [0, 1]),
    'huberLoss': (lambda x, y: optax.losses.huber_loss(x, y, delta=1.5), [logits, logits], [0, 1]),
    'logCosh': (optax.losses.log_cosh, [logits, logits], [0, 1]),
    'absoluteError': (lambda x, y: jnp.abs(x - y), [logits, logits], [0, 1]),
    'meanSquaredError': (lambda x, y: jnp.mean(optax.losses.squared_error(x, y)), [logits, logits], [0, 1]),
    'meanAbsoluteError': (lambda x, y: jnp.mean(jnp.abs(x - y)), [logits, logits], [0, 1]),
    'cosineSimilarity': (optax.losses.cosine_similarity, [logits, logits], [0, 1]),
    'cosineDistance': (
        lambda x, y: optax.losses.cosine_distance(x, y, epsilon=1e-3), [logits, logits], [0, 1]),
}


def losses():
  for name, (f, makers, active) in LOSSES.items():
    rng = generator(name)
    inputs = [jnp.asarray(make(rng)) for make in makers]

    def of_active(*xs):
      full = list(inputs)
      for i, x in zip(active, xs, strict=True):
        full[i] = x
      return f(*full)

    y, pull = jax.vjp(of_active, *[inputs[i] for i in active])
    ct = rng.normal(size=y.shape).astype(np.float32)
    CASES.append(
        dict(name=name, op='loss', inputs=put_all(name, 'x', inputs),
             outputs=put_all(name, 'y', [y]), cotangents=put_all(name, 'ct', [ct]),
             cotangent_of_output=[0], vjps=put_all(name, 'vjp', pull(jnp.asarray(ct))),
             vjp_of_input=active, rtol=2e-5, atol=2e-6))


def main():
  parser = argparse.ArgumentParser(
      description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument('--out', type=pathlib.Path, default=OUT,
                      help='the directory (default: Tests/Fixtures/Optimizers)')
  args = parser.parse_args()
  optimizers()
  schedules()
  losses()
  args.out.mkdir(parents=True, exist_ok=True)
  tensors = args.out / 'optimizers.safetensors'
  save_file(TENSORS, tensors)
  tensors.chmod(0o644)
  manifest = dict(group='optimizers', tensors=tensors.name, jax=jax.__version__, optax=optax.__version__,
                  n_cases=len(CASES), note='written by Scripts/make_optimizer_fixtures.py')
  lines = ',\n'.join(json.dumps(c) for c in CASES)
  head = json.dumps(manifest)[:-1]
  (args.out / 'optimizers.manifest.json').write_text(f'{head}, "cases": [\n{lines}\n]}}\n')


if __name__ == '__main__':
  main()
