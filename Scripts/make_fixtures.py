#!/usr/bin/env python3
"""Writes the reference numbers of Tests/Fixtures/Slice from JAX, jax-blox and optax.

Needs jax 0.10.2, jax-blox 0.1.6, optax, scikit-learn and safetensors:

  python3 Scripts/make_fixtures.py

Two files come out: slice.safetensors with all tensors, and slice.manifest.json, whose `cases` name
them. The fields are those of the conformance manifests (`name`, `op`, `attrs`, `py`, `inputs`,
`outputs`, `cotangents`, `vjps`, `tangents`, `jvps`, `vmap`, `rtol`, `atol`, ...), plus:

  derivatives   scalar cases: f', f'', f''' at every point of x0 (each by one more `jax.grad`)
  hvps          for the function s(x) = sum(output * cotangent): the derivative of grad(s) along the
                tangents, one tensor for each input in `vjp_of_input`
  hessian       jax.hessian of s with respect to x0
  tolerances    rtol and atol by field (`outputs`, `vjps`, `hvps`, `d1`, `grads`, ...), where they
                are known
  params, grads, final_params, new_state, ...
                entries {path, tensor, trainable, metadata}, keys as uint32 key data
  prints        the lines that a documentation cell prints
  tensors       further tensors by what they are

Everything runs eagerly (one XLA computation per primitive) on the CPU in float32.
"""

import argparse
import json
import os
import pathlib
import zlib

os.environ.setdefault('JAX_PLATFORMS', 'cpu')

import blox as bx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from safetensors.numpy import save_file

HERE = pathlib.Path(__file__).resolve().parent
OUT = HERE.parent / 'Tests' / 'Fixtures' / 'Slice'

TENSORS = {}
CASES = []


def is_key(x):
  return isinstance(x, jax.Array) and jnp.issubdtype(x.dtype, jax.dtypes.prng_key)


def put(name, value):
  """Stores a tensor and returns its name."""
  assert name not in TENSORS, name
  value = np.asarray(jax.random.key_data(value) if is_key(value) else value)
  assert value.dtype in (np.float32, np.int32, np.uint32, np.bool_), (name, value.dtype)
  TENSORS[name] = np.array(value, order='C')  # not ascontiguousarray: that makes scalars vectors
  return name


def put_all(name, prefix, values):
  return [put(f'{name}/{prefix}{i}', v) for i, v in enumerate(values)]


def entries(name, prefix, params):
  """The parameters of a container, in its order."""
  return [
      dict(path=list(path), tensor=put(f'{name}/{prefix}{i}', p.value), trainable=p.trainable,
           metadata=p.metadata)
      for i, (path, p) in enumerate(params.items())
  ]


def case(name, op, **fields):
  assert all(c['name'] != name for c in CASES), name
  CASES.append(dict(name=name, op=op, **fields))


def significant(x, digits):
  return float(f'{x:.{digits}g}')


def tolerance(low, high, rtol=1e-5, floor=1e-7):
  """Tolerances for dictionaries of arrays, as computed in float32 and in float64.

  Each field gets its own: second derivatives may be much larger, and less exact, than values. A
  tolerance is never tighter than three times JAX's own rounding error, nor than a few roundings of
  the field's typical values, which other orders of summation need. The case's own `rtol` and `atol`
  are the loosest.
  """
  fields, err = {}, dict(abs=0.0, rel=0.0)
  for field, arrays in low.items():
    excess = scale = 0.0
    for got, want in zip(arrays, high[field], strict=True):
      got, want = np.asarray(got, np.float64), np.asarray(want, np.float64)
      assert got.shape == want.shape and np.isfinite(got).all() and np.isfinite(want).all(), field
      if got.size:
        d = np.abs(got - want)
        excess = max(excess, float((3 * d - rtol * np.abs(want)).max()))
        scale = max(scale, float(np.median(np.abs(got))), 0.1 * float(np.abs(got).max()))
        err['abs'] = max(err['abs'], float(d.max()))
        err['rel'] = max(err['rel'], float((d / np.maximum(np.abs(want), 1e-30)).max()))
    fields[field] = dict(rtol=rtol, atol=significant(max(excess, 2e-6 * scale, floor), 3))
  return dict(rtol=rtol, atol=max(f['atol'] for f in fields.values()), tolerances=fields,
              err_vs_f64=err)


# ------------------------------------------------------------------ composite functions
def uniform(shape, low=-1.5, high=1.5):
  return lambda rng: rng.uniform(low, high, shape).astype(np.float32)


def integers(shape, high):
  return lambda rng: rng.integers(0, high, shape).astype(np.int32)


def values(*rows):
  return lambda rng: np.array(rows, np.float32)


P = uniform  # short, for the table below

# name: (expression, inputs, in_axes of the batched twin or None for no twin, options)
# yapf: disable
COMPOSITES = {
  'logistic_loss': (
    'jnp.mean(jnp.log1p(jnp.exp(-x2 * (x0 @ x1))))',
    [P((5, 3)), P((3,)), values(1, -1, 1, 1, -1)], [0, None, None], {}),
  'mlp_tanh': (
    'jnp.tanh(x0 @ x1 + x2) @ x3',
    [P((4, 3)), P((3, 5)), P((5,)), P((5, 2))], [0, None, 0, None], {}),
  'mlp_relu': (
    'jax.nn.relu(x0 @ x1) @ x2',
    [P((4, 3)), P((3, 5)), P((5, 2))], [None, 0, 2], {}),
  'attention': (
    'lax.dot_general(jax.nn.softmax(lax.dot_general(x0, x1, (((2,), (2,)), ((0,), (0,)))) / 2, '
    'axis=-1), x2, (((2,), (1,)), ((0,), (0,))))',
    [P((2, 3, 4)), P((2, 5, 4)), P((2, 5, 3))], [0, 1, 3], {}),
  'dot_batch_middle': (
    'lax.dot_general(x0, x1 * x1, (((0,), (2,)), ((2,), (1,))))',
    [P((3, 4, 2)), P((5, 2, 3))], [1, None], {}),
  'cross_entropy': (
    '-jnp.mean(jnp.sum(jax.nn.one_hot(x1, 4) * jax.nn.log_softmax(x0), axis=-1))',
    [P((5, 4), -3, 3), integers((5,), 4)], [0, 0], {}),
  'logsumexp': (
    'jax.nn.logsumexp(x0 * x1, axis=0)',
    [P((4, 3), -3, 3), P((3,))], [1, None], {}),
  'softmax_gate': (
    'jax.nn.softmax(x0, axis=0) * lax.logistic(x1)',
    [P((3, 4)), P((3, 4))], [0, 2], {}),
  'layer_norm': (
    '(x0 - jnp.mean(x0, axis=-1, keepdims=True)) * lax.rsqrt(jnp.mean(jnp.square(x0 - jnp.mean('
    'x0, axis=-1, keepdims=True)), axis=-1, keepdims=True) + 1e-5) * x1 + x2',
    [P((3, 5)), P((5,)), P((5,))], [0, None, None], {}),
  'max_minus_min': (
    'jnp.max(x0, axis=1)[:, None] - jnp.min(x0, axis=0)[None, :] * x1',
    [P((3, 4)), P((3, 4))], [0, None], {}),
  'max_ties': (
    'jnp.max(x0 * x0, axis=1) * x1',
    [values([2., -2., 1.], [3., 1., 3.]), P((2,))], None, {}),
  'maximum_minimum': (
    'jnp.maximum(x0, x1) * jnp.minimum(x0, x1) + jnp.maximum(x0, 0.5)',
    [values(1., -2., 0.25, 0.5, 3.), values(1., 0., 0.25, 1.5, -1.)], [0, None], {}),
  'select_compare': (
    'jnp.where(x0 > x1, x0 * x1, x0 / (x1 * x1 + 1))',
    [P((3, 4)), P((4,))], [None, 0], {}),
  'select_bool': (
    'lax.select_n(x0 > 0, x1 * x1, lax.exp(x1))',
    [P((6,)), P((6,))], [0, 0], {}),
  'reshape_transpose': (
    'jnp.transpose(jnp.reshape(x0 * x0, (3, 4))) * lax.broadcast_in_dim(x1, (4, 3), (1,))',
    [P((2, 6)), P((3,))], [1, 0], {}),
  'slice_pad_concat': (
    'lax.concatenate([lax.pad(lax.slice(x0, (1,), (6,), (2,)), jnp.zeros((), x0.dtype), '
    '((1, 2, 1),)) * x1, lax.slice(x1 * x1, (2,), (5,))], 0)',
    [P((7,)), P((8,))], [0, None], {}),
  'pad_negative': (
    'lax.pad(x0 * x0, x1, ((1, -1, 1), (-1, 2, 0))) * 2',
    [P((3, 3)), P(())], [0, 0], {}),
  'argmax_one_hot': (
    'jnp.sum(x0 * x0 * jax.nn.one_hot(jnp.argmax(x0, axis=-1), 4), axis=-1)',
    [P((3, 4))], [2], {}),
  'pow': (
    'lax.pow(x0, x1)',
    [P((5,), .2, 3), P((5,), -2, 2)], [0, 0], {}),
  'sub_div_neg': (
    '-(x0 - 2) / (x1 * x1 + 0.5) - x0',
    [P((2, 3)), P((2, 1))], [0, None], {}),
  'quadratic_form': (
    'x0 @ (x1 @ x0)',
    [P((4,)), P((4, 4))], [0, None], dict(hessian=True)),
  'rosenbrock': (
    'jnp.sum(100 * jnp.square(lax.slice(x0, (1,), (5,)) - jnp.square(lax.slice(x0, (0,), (4,))))'
    ' + jnp.square(1 - lax.slice(x0, (0,), (4,))))',
    [P((5,))], [0], dict(hessian=True)),
  'softmax_entropy': (
    '-jnp.sum(jax.nn.softmax(x0) * jax.nn.log_softmax(x0))',
    [P((4,))], [0], dict(hessian=True)),
  'straight_through': (
    '(x0 + lax.stop_gradient(jnp.sign(x0) - x0)) * x1 * lax.stop_gradient(x1)',
    [P((5,)), P((5,))], [0, None], {}),
  'gelu_silu': (
    'jax.nn.gelu(x0, approximate=False) * jax.nn.silu(x1) + jax.nn.gelu(x1)',
    [P((2, 4), -3, 3), P((4,), -3, 3)], [0, 0], {}),
  'erf_inv': (
    'lax.erf_inv(lax.erf(x0) * x1)',
    [P((5,)), P((5,), -.9, .9)], [0, None], {}),
  'log_sqrt_abs': (
    'jnp.log(jnp.abs(x0) + 1) * jnp.sqrt(x1) - lax.log1p(x1) * jnp.sign(x0)',
    [P((6,)), P((6,), .1, 3)], [0, 0], {}),
  'integer_pow': (
    'lax.integer_pow(x0, 3) + lax.integer_pow(x1, -2) * lax.integer_pow(x0, 2)',
    [P((4,)), P((4,), .5, 2)], [0, None], {}),
  'normalize': (
    'x0 / jnp.sum(jnp.abs(x0), axis=(0, 2), keepdims=True)',
    [P((2, 3, 4))], [3], {}),
  'two_outputs': (
    '(jnp.sum(jnp.exp(x0) * x1, axis=0), jnp.max(x0, axis=0) - x1)',
    [P((4, 3)), P((3,))], [1, None], {}),
}
# yapf: enable

# name: (expression of the scalar x0, points)
SCALARS = {
    'tanh_gauss': ('jnp.tanh(x0) * jnp.exp(-x0 * x0)', [-1.5, -.3, 0., .7, 2.]),
    'softplus': ('jnp.log1p(jnp.exp(x0))', [-3., -.5, 0., 1., 4.]),
    'cubic': ('lax.integer_pow(x0, 3) - 2 * x0', [-2., 0., .5, 3.]),
    'inverse_square': ('lax.integer_pow(x0, -2)', [-1.5, .5, 2.]),
    'logistic_sqrt': ('lax.logistic(x0) / (1 + lax.sqrt(x0 * x0 + 1))', [-2., 0., 1., 3.]),
    'rsqrt_erf': ('lax.rsqrt(x0 * x0 + 1) * lax.erf(x0)', [-1., 0., .4, 2.]),
    'pow': ('lax.pow(x0, jnp.asarray(2.5, x0.dtype))', [.3, 1., 2.5]),
    'exp_of_pow': ('lax.pow(jnp.asarray(1.5, x0.dtype), x0 * x0)', [-1., .5, 1.5]),
    'erf_inv_log': ('lax.erf_inv(x0) * lax.log(1 + x0)', [-.6, -.1, .3, .8]),
    'gelu': ('jax.nn.gelu(x0, approximate=False)', [-3., -.5, 0., 1., 3.]),
    'gelu_tanh': ('jax.nn.gelu(x0, approximate=True)', [-3., -.5, 0., 1., 3.]),
    'silu': ('jax.nn.silu(x0)', [-3., -.5, 0., 1., 3.]),
    'relu_squared': ('jnp.square(jax.nn.relu(x0))', [-1., 0., 2.]),
    'stop_gradient': ('x0 * lax.stop_gradient(x0) * x0', [-1., .5, 2.]),
    'branches': ('jnp.where(x0 > 0.5, lax.integer_pow(x0, 3), -x0)', [-1., .5, .6, 2.]),
    'abs_sign': ('jnp.abs(x0) * x0 * jnp.sign(x0)', [-2., -.5, 1.5]),
    'log_div': ('lax.log(x0) / x0', [.2, 1., 3.]),
    'max_min': ('lax.max(x0 * x0, x0) * lax.min(x0, jnp.asarray(1.5, x0.dtype))', [-1., .5, 2.]),
    'numbers': ('jnp.sum(jnp.exp(x0 * jnp.arange(4, dtype=x0.dtype)))', [-1., 0., .5]),
}


def function(py, count):
  names = [f'x{i}' for i in range(count)]
  return eval(f'lambda {", ".join(names)}: {py}', dict(jax=jax, jnp=jnp, lax=lax, np=np))


def in_f64(f, *trees):
  """f on the same values in float64, as numpy arrays."""

  def widen(x):
    return jnp.asarray(x, jnp.float64) if np.asarray(x).dtype == np.float32 else jnp.asarray(x)

  with jax.enable_x64(True):
    return jax.tree.map(np.asarray, f(*jax.tree.map(widen, trees)))


def composite(name, py, inputs, vmap, options):
  """One case: outputs, vjps, jvps and Hessian-vector products."""
  rng = np.random.default_rng(zlib.crc32((name + '/derivatives').encode()))
  base = function(py, len(inputs))
  f = jax.vmap(base, in_axes=tuple(vmap['in_axes']), out_axes=vmap['out_axes']) if vmap else base
  which = [i for i, x in enumerate(inputs) if x.dtype == np.float32]

  def leaves(*xs):
    return tuple(jax.tree.leaves(f(*xs)))

  outputs = leaves(*map(jnp.asarray, inputs))
  cts = tuple(rng.uniform(-1, 1, y.shape).astype(np.float32) for y in outputs)
  tans = tuple(rng.uniform(-1, 1, inputs[i].shape).astype(np.float32) for i in which)

  def everything(xs, cts, tans):
    def part(*diff):
      full = list(xs)
      for i, x in zip(which, diff):
        full[i] = x
      return leaves(*full)

    def s(*diff):
      return sum(jnp.sum(y * ct) for y, ct in zip(part(*diff), cts))

    diff = tuple(xs[i] for i in which)
    ys, pull = jax.vjp(part, *diff)
    grad_s = jax.grad(s, argnums=tuple(range(len(diff))))
    result = dict(outputs=ys, vjps=pull(cts), jvps=jax.jvp(part, diff, tans)[1],
                  hvps=jax.jvp(grad_s, diff, tans)[1])
    if options.get('hessian') and not vmap:
      result['hessian'] = (jax.hessian(s)(*diff),)
    return result

  low = everything(tuple(map(jnp.asarray, inputs)), tuple(map(jnp.asarray, cts)),
                   tuple(map(jnp.asarray, tans)))
  high = in_f64(everything, tuple(inputs), cts, tans)
  fields = dict(py=py, attrs={})
  if vmap:
    fields['vmap'] = vmap
  fields |= dict(inputs=put_all(name, 'x', inputs), outputs=put_all(name, 'y', low['outputs']))
  fields |= dict(cotangents=put_all(name, 'ct', cts), cotangent_of_output=list(range(len(cts))))
  fields |= dict(vjps=[put(f'{name}/vjp{i}', v) for i, v in zip(which, low['vjps'])])
  fields |= dict(vjp_of_input=which)
  fields |= dict(tangents=[put(f'{name}/tan{i}', v) for i, v in zip(which, tans)])
  fields |= dict(jvps=put_all(name, 'jvp', low['jvps']))
  fields |= dict(hvps=[put(f'{name}/hvp{i}', v) for i, v in zip(which, low['hvps'])])
  if 'hessian' in low:
    fields['hessian'] = put(f'{name}/hessian', low['hessian'][0])
  case(name, 'composite', **fields, **tolerance(low, high))


def composites():
  for short, (py, specs, in_axes, options) in COMPOSITES.items():
    name = f'composite/{short}'
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    inputs = [spec(rng) for spec in specs]
    composite(name, py, inputs, None, options)
    if in_axes is None:
      continue
    lanes = [[x] + [spec(rng) for _ in range(2)] for x, spec in zip(inputs, specs)]
    stacked = [
        x if a is None else np.stack(l, min(a, x.ndim)) for x, l, a in zip(inputs, lanes, in_axes)
    ]
    axes = [None if a is None else min(a, x.ndim) for x, a in zip(inputs, in_axes)]
    composite(f'{name}/vmap', py, stacked, dict(in_axes=axes, out_axes=0), options)


def scalars():
  for short, (py, points) in SCALARS.items():
    name = f'scalar/{short}'
    f = function(py, 1)
    fs = [f]
    for _ in range(3):
      fs.append(jax.grad(fs[-1]))
    x = np.array(points, np.float32)
    kinds = ['outputs', 'd1', 'd2', 'd3']
    low = {k: [np.stack([np.asarray(g(jnp.asarray(v))) for v in x])] for k, g in zip(kinds, fs)}
    high = {k: [np.stack([in_f64(g, v) for v in x])] for k, g in zip(kinds, fs)}
    case(name, 'scalar', attrs={}, py=py, inputs=[put(f'{name}/x0', x)],
         outputs=[put(f'{name}/y0', low['outputs'][0])],
         derivatives=[put(f'{name}/{k}', low[k][0]) for k in kinds[1:]],
         note='every element of x0 is one call with a scalar', **tolerance(low, high))


# ------------------------------------------------------------------ documentation cells
def masks(out):
  return np.asarray(out == 0).astype(np.int32)


def lanes(out):
  return [f'  Lane {i}: {row}' for i, row in enumerate(masks(out).tolist())]


class AddConstant(bx.Module):
  """Adds a number that is a property, not a parameter."""

  def __init__(self, graph, value):
    super().__init__(graph)
    self.value = value

  def __call__(self, params, x):
    return x + self.value, params


def cell(name, prints, exact=False, **fields):
  """A case of a documentation cell; the initial values are far from needing these tolerances."""
  tolerances = dict(exact=True, rtol=0.0, atol=0.0) if exact else dict(rtol=1e-5, atol=2e-6)
  empty = dict(attrs={}, inputs=[], outputs=[])
  case(f'sharp_bits/{name}', 'sharp_bits', **(empty | fields), prints=prints, **tolerances)


def sharp_bits_container():
  """The cells on locking, immutability and splitting."""
  graph = bx.Graph('demo')
  rng = bx.Rng(graph.child('rng'))
  linear = bx.Linear(graph.child('linear'), output_size=4, rng=rng)
  x = jnp.ones((1, 3))
  seeded = rng.seed(bx.Params(), seed=42)
  _, unlocked = linear(seeded, x)
  params = unlocked.locked()
  out, after = linear(params, x)
  name = 'sharp_bits/linear'
  cell('linear',
       [f'Initial state: is_locked={seeded.is_locked}, num_params={len(seeded)}',
        f'After forward: is_locked={unlocked.is_locked}, num_params={len(unlocked)}',
        f'After locking: is_locked={params.is_locked}',
        f'Forward pass works: output shape {out.shape}'],
       attrs=dict(seed=42, output_size=4),
       inputs=[put(f'{name}/x0', x)],
       outputs=[put(f'{name}/y0', out)],
       seeded_params=entries(name, 's', seeded),
       params=entries(name, 'p', params),
       new_state=entries(name, 'n', after.split()[1]))

  another = bx.Linear(graph.child('another'), output_size=8, rng=rng)
  x = jnp.ones((1, 4))
  out, more = another(params.unlocked(), x)
  name = 'sharp_bits/another'
  cell('another',
       [f'After unlocking and adding: num_params={len(more)}'],
       attrs=dict(output_size=8),
       inputs=[put(f'{name}/x0', x)],
       outputs=[put(f'{name}/y0', out)],
       params=entries(name, 'p', more))

  kernel, _ = linear.get_param(params, 'kernel')
  modified = linear.set_param(params, 'kernel', kernel * 2)
  path = linear.param_path('kernel')
  sums = [params[path].value.sum(), modified[path].value.sum()]
  name = 'sharp_bits/modified'
  cell('modified',
       [f'Original kernel sum: {sums[0]:.4f}',
        f'Modified kernel sum: {sums[1]:.4f}',
        'Original params is unchanged!'],
       outputs=put_all(name, 'sum', sums),
       params=entries(name, 'p', modified))

  trainable, rest = params.split()
  cell('split',
       ['Trainable (receive gradients):', *(f'  {p}' for p in trainable.keys()), '',
        'Non-trainable (state propagation only):', *(f'  {p}' for p in rest.keys())])


def sharp_bits_lanes():
  """The cells on dropout under vmap."""
  graph = bx.Graph('rng_demo')
  rng = bx.Rng(graph.child('rng'))
  dropout = bx.Dropout(graph.child('dropout'), rate=0.5, rng=rng)
  params = rng.seed(bx.Params(), seed=42)
  _, params = dropout(params, jnp.ones((1, 8)), is_training=True)
  params = params.locked()
  x = jnp.ones((4, 8))

  def record(short, f, params, prints, *more, **fields):
    in_axes = (None, 0, *(0 for _ in more))
    out, after = jax.vmap(f, in_axes=in_axes, out_axes=(0, None), axis_name='batch')(
        params, x, *more)
    name = f'sharp_bits/{short}'
    cell(short,
         [*prints, *lanes(out)],
         exact=True,
         attrs=dict(rate=0.5, seed=42),
         inputs=[put(f'{name}/x0', x)],
         outputs=[put(f'{name}/y0', out)],
         tensors=dict(dropped=put(f'{name}/dropped', masks(out))),
         params=entries(name, 'p', params),
         new_state=entries(name, 'n', after),
         **fields)

  def folded(p, x, index):
    seed = rng.get_seed(p)
    out, p = dropout(rng.seed(p, seed=jax.random.fold_in(seed, index)), x, is_training=True)
    return out, rng.seed(p, seed=seed)

  def by_axis(p, x):
    return folded(p, x, lax.axis_index('batch'))

  def forward(p, x):
    return by_axis(p, x) if p.is_locked else dropout(p, x, is_training=True)

  def init(x):
    return forward(rng.seed(bx.Params(), seed=42), x)[1].locked()

  record('lanes_replicated', lambda p, x: dropout(p, x, is_training=True), params,
         ['Problem: all lanes get the SAME dropout mask!'])
  params = rng.seed(params, counter=0)
  record('lanes_explicit', folded, params,
         ['Solution: each lane gets a UNIQUE dropout mask!'], jnp.arange(4))
  record('lanes_axis_index', by_axis, params,
         ['Same result with axis_index (cleaner when index is not needed elsewhere):'])
  params = jax.vmap(init, axis_name='batch', out_axes=None)(x)
  record('lanes_init_runtime', forward, params,
         [f'Init complete: is_locked={params.is_locked}', 'Runtime: unique masks per lane!'],
         note='after a transform the container is sorted by path')


def sharp_bits_modules():
  """The cells on stale traces, separate models and shared parameters."""
  x = jnp.array([1.0, 2.0, 3.0])
  adder = AddConstant(bx.Graph('modify_demo').child('adder'), value=10.0)
  add = jax.jit(adder)
  empty = bx.Params().locked()
  first, _ = add(empty, x)
  adder.value = 100.0
  second, _ = add(empty, x)
  name = 'sharp_bits/stale_trace'
  cell('stale_trace',
       [f'value=10: {x.tolist()} -> {first.tolist()}',
        f'Changed value to {adder.value}',
        f'After change: {x.tolist()} -> {second.tolist()}',
        'BUG: Still adding 10, not 100!'],
       exact=True,
       attrs=dict(values=[10.0, 100.0]),
       inputs=[put(f'{name}/x0', x)],
       outputs=put_all(name, 'y', [first, second]))

  outs = [AddConstant(bx.Graph('adder').child('add'), value=v)(empty, x)[0] for v in (10.0, 100.0)]
  results = [(v, f'{x.tolist()} -> {o.tolist()}') for v, o in zip((10, 100), outs)]
  name = 'sharp_bits/two_models'
  cell('two_models',
       [*(f'adder_{v}: {r}' for v, r in results), 'Both work correctly with static models!'],
       exact=True,
       attrs=dict(values=[10.0, 100.0]),
       inputs=[put(f'{name}/x0', x)],
       outputs=put_all(name, 'y', outs))
  cell('two_functions',
       [*(f'value={v}: {r}' for v, r in results), 'Each function gets its own JIT cache!'])

  def lstm(is_static):
    graph = bx.Graph('model')
    rng = bx.Rng(graph.child('rng'))
    return rng, bx.LSTM(graph.child('lstm'), hidden_size=16, rng=rng, is_static=is_static)

  rng, static = lstm(True)
  _, dynamic = lstm(False)
  x = jnp.ones((2, 5, 8))
  state, params = static.initial_state(rng.seed(bx.Params(), seed=42), x[:, 0])
  _, params = static.apply(params, x, prev_state=state)
  params = params.locked()
  (y1, s1), _ = static.apply(params, x, prev_state=state)
  (y2, _), _ = dynamic.apply(params, x, prev_state=state)
  name = 'sharp_bits/shared_lstm'
  cell('shared_lstm',
       [f'Static LSTM output sum: {y1.sum():.4f}',
        f'Dynamic LSTM output sum: {y2.sum():.4f}',
        'Same params, different execution modes!'],
       attrs=dict(hidden_size=16, seed=42),
       inputs=[put(f'{name}/x0', x)],
       outputs=put_all(name, 'y', [y1, s1.hidden, s1.cell]),
       tensors=dict(dynamic=put(f'{name}/dynamic', y2)),
       params=entries(name, 'p', params),
       note='outputs: the sequence, then the last hidden and cell state')


# ------------------------------------------------------------------ linear regression
def linear_regression():
  """y = w x + b fitted by gradient descent, as in JAX's page on stateful computations."""
  key = jax.random.PRNGKey(42)
  weight_key, bias_key = jax.random.split(key)  # init(rng) splits the same key as the data
  start = (jax.random.normal(weight_key, ()), jax.random.normal(bias_key, ()))
  x_key, noise_key = jax.random.split(key)
  xs = jax.random.normal(x_key, (128, 1))
  noise = jax.random.normal(noise_key, (128, 1)) * 0.5
  ys = xs * 2 + -1 + noise
  data = dict(key=key, x_key=x_key, noise_key=noise_key, weight_key=weight_key, bias_key=bias_key,
              noise=noise)
  steps = [0, 1, 10, 100, 1000]

  def loss(params, x, y):
    w, b = params
    return jnp.mean((w * x + b - y)**2)

  def run(params, xs, ys, rate, wrap=lambda f: f):
    rows, losses, first = [], [], None
    step = wrap(jax.value_and_grad(loss))
    for k in range(steps[-1] + 1):
      if k in steps:
        rows.append((*params, loss(params, xs, ys)))
      value, grad = step(params, xs, ys)
      first = first or grad
      if k < 20:
        losses.append(value)
      params = jax.tree.map(lambda p, g: p - g * rate, params, grad)
    return dict(outputs=[jnp.array(rows), jnp.stack(losses)], grad=[jnp.stack(first)])

  for rate in (0.005, 0.1):
    low = run(start, xs, ys, rate)
    high = in_f64(lambda *args: run(*args, rate, wrap=jax.jit), start, xs, ys)
    name = f'linear_regression/{rate}'
    case(name, 'linear_regression',
         attrs=dict(seed=42, learning_rate=rate, n=128, true_w=2, true_b=-1, noise=0.5,
                    steps=steps),
         py='jnp.mean((w * x + b - y) ** 2)',
         inputs=[put(f'{name}/x0', xs), put(f'{name}/x1', ys)],
         outputs=[put(f'{name}/rows', low['outputs'][0]), put(f'{name}/losses', low['outputs'][1])],
         grad=put(f'{name}/grad', low['grad'][0]),
         tensors={k: put(f'{name}/{k}', v) for k, v in data.items()} if rate == 0.005 else {},
         note='rows: weight, bias, loss after attrs.steps updates; losses: before each of the '
         'first 20 updates; grad: of weight and bias at the start; keys as uint32 pairs',
         **tolerance(low, high))


# ------------------------------------------------------------------ a classifier of digits
def mlp_digits():
  """MLP 64-128-10 with dropout on 32 digits: initial values, gradients, optimizers."""
  from sklearn.datasets import load_digits
  digits = load_digits()
  x = jnp.asarray(digits.data[:32] / 16, jnp.float32)
  y = jnp.asarray(digits.target[:32], jnp.int32)

  graph = bx.Graph('net')
  rng = bx.Rng(graph.child('rng'))
  model = bx.Sequential(graph.child('mlp'), [
      bx.Linear(graph.child('l1'), 128, rng),
      jax.nn.relu,
      bx.Dropout(graph.child('dropout'), 0.1, rng),
      bx.Linear(graph.child('l2'), 10, rng),
  ])
  params = rng.seed(bx.Params(), seed=0)
  _, params = model(params, x)
  params = params.locked()
  trainable, rest = params.split()

  def cross_entropy(logits, labels):
    return -jnp.mean(jnp.sum(jax.nn.one_hot(labels, 10) * jax.nn.log_softmax(logits), axis=-1))

  def loss(t, nt, x, y):
    logits, after = model(t.merge(nt), x)
    return cross_entropy(logits, y), (after.split()[1], logits)

  # The same with the masks given, for float64: it tells how much of a result is rounding.
  paths = [('net', l, p) for l in ('l1', 'l2') for p in ('kernel', 'bias')]
  weights = tuple(np.asarray(trainable[p].value) for p in paths)
  seed = rng.get_seed(params)

  def plain_with_logits(weights, mask, x, y):
    k1, b1, k2, b2 = weights
    logits = jax.nn.relu(x @ k1 + b1) * mask / (1 - 0.1) @ k2 + b2
    return cross_entropy(logits, y), logits

  def plain(weights, mask, x, y):
    return plain_with_logits(weights, mask, x, y)[0]

  def mask(key, counter, shape):
    return np.asarray(jax.random.bernoulli(jax.random.fold_in(key, counter), 1 - 0.1, shape))

  def compared(field, outputs, container, high_outputs, high, **options):
    low = {'outputs': outputs, field: [container[p].value for p in paths]}
    return tolerance(low, {'outputs': high_outputs, field: high}, **options)

  layout = dict(graph='net', seed=0, hidden=128, rate=0.1)
  inputs = [put('mlp_digits/x0', x), put('mlp_digits/x1', y)]

  # Value and gradients at the start.
  (value, (state, logits)), grads = jax.value_and_grad(loss, has_aux=True)(trainable, rest, x, y)
  first_mask = mask(seed, 5, (32, 128))
  f = jax.value_and_grad(plain_with_logits, has_aux=True)
  (high_value, high_logits), high_grads = in_f64(f, weights, first_mask, x, y)
  name = 'mlp_digits'
  case(name, 'mlp_digits',
       attrs=layout | dict(batch=32),
       inputs=inputs,
       outputs=[put(f'{name}/loss', value), put(f'{name}/logits', logits)],
       params=entries(name, 'p', params),
       new_state=entries(name, 'n', state),
       grads=entries(name, 'g', grads),
       tensors=dict(mask=put(f'{name}/mask', first_mask)),
       note='Sequential child "mlp"; l1, dropout, l2 are children of the root. The init call '
       'trains on the same batch and uses counts 0-4, so the recorded calls start at counter 5. '
       'inputs: pixels / 16, labels; outputs: loss, logits',
       **compared('grads', [value, logits], grads, [high_value, high_logits], high_grads))

  # Per-example gradients: the rng is shared, so all lanes drop the same units.
  four = (x[:4], y[:4])
  axes = (None, None, 0, 0)
  f = jax.vmap(jax.value_and_grad(lambda *args: loss(*args)[0]), in_axes=axes)
  value, grads = f(trainable, rest, *four)
  shared_mask = mask(seed, 5, (128,))
  high_value, high_grads = in_f64(
      jax.vmap(jax.value_and_grad(plain), in_axes=axes), weights, shared_mask, *four)
  name = 'mlp_digits/per_example'
  case(name, 'mlp_digits',
       attrs=layout | dict(batch=4),
       inputs=inputs,
       outputs=[put(f'{name}/losses', value)],
       grads=entries(name, 'g', grads),
       tensors=dict(mask=put(f'{name}/mask', shared_mask)),
       note='vmap(grad(loss)) over the first 4 rows, in_axes (None, None, 0, 0); the params of the '
       'case mlp_digits',
       **compared('grads', [value], grads, [high_value], high_grads))

  # The same with the lane folded into the seed: every example drops other units.
  def folded(t, nt, x, y):
    merged = t.merge(nt)
    key = jax.random.fold_in(rng.get_seed(merged), lax.axis_index('batch'))
    return cross_entropy(model(rng.seed(merged, seed=key), x)[0], y)

  f = jax.vmap(jax.value_and_grad(folded), in_axes=axes, axis_name='batch')
  value, grads = f(trainable, rest, *four)
  lane_masks = np.stack([mask(jax.random.fold_in(seed, i), 5, (128,)) for i in range(4)])
  high_value, high_grads = in_f64(
      jax.vmap(jax.value_and_grad(plain), in_axes=(None, 0, 0, 0)), weights, lane_masks, *four)
  kept, _ = grads.split(lambda path, p: path != ('net', 'l1', 'kernel'))
  name = 'mlp_digits/per_example_folded'
  case(name, 'mlp_digits',
       attrs=layout | dict(batch=4),
       inputs=inputs,
       outputs=[put(f'{name}/losses', value)],
       grads=entries(name, 'g', kept),
       tensors=dict(masks=put(f'{name}/masks', lane_masks)),
       note='as per_example, with fold_in(seed, axis_index) in every lane; without the gradient of '
       'the l1 kernel',
       **compared('grads', [value], grads, [high_value], high_grads))

  # Five steps of each optimizer on the one batch.
  def train(optimizer, step, weights, state):
    slots = optimizer.init(weights)
    losses = []
    for k in range(5):
      value, grads, state = step(weights, state, k)
      updates, slots = optimizer.update(grads, slots, weights)
      weights = optax.apply_updates(weights, updates)
      losses.append(value)
    return jnp.stack(losses), weights, state

  def step(t, nt, k):
    (value, (nt, _)), grads = jax.value_and_grad(loss, has_aux=True)(t, nt, x, y)
    return value, grads, nt

  step_masks = [mask(seed, 5 + k, (32, 128)) for k in range(5)]
  optimizers = dict(
      adam=(optax.adam(1e-3), dict(optimizer='adam', lr=1e-3, b1=0.9, b2=0.999, eps=1e-8)),
      sgd=(optax.sgd(0.1), dict(optimizer='sgd', lr=0.1)),
      momentum=(optax.sgd(0.1, momentum=0.9),
                dict(optimizer='sgd_momentum', lr=0.1, momentum=0.9, nesterov=False)))
  for short, (optimizer, attrs) in optimizers.items():

    def reference(weights, x, y):
      def plain_step(w, _, k):
        return (*jax.value_and_grad(plain)(w, step_masks[k], x, y), None)

      return train(optimizer, plain_step, weights, None)[:2]

    losses, final, last = train(optimizer, step, trainable, rest)
    high_losses, high_final = in_f64(reference, weights, x, y)
    name = f'mlp_digits/{short}'
    # Adam divides gradients by their size, so rounding of a tiny one shows in full.
    case(name, 'mlp_digits',
         attrs=layout | attrs | dict(batch=32, steps=5),
         inputs=inputs,
         outputs=[put(f'{name}/losses', losses)],
         final_params=entries(name, 'p', final),
         new_state=entries(name, 'n', last),
         note='losses before each update; start: the params of the case mlp_digits',
         **compared('final_params', [losses], final, [high_losses], high_final, rtol=2e-5,
                    floor=2e-6))


def main():
  parser = argparse.ArgumentParser(
      description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument('--out', type=pathlib.Path, default=OUT,
                      help='the directory (default: Tests/Fixtures/Slice)')
  args = parser.parse_args()
  sharp_bits_container()
  sharp_bits_lanes()
  sharp_bits_modules()
  linear_regression()
  mlp_digits()
  scalars()
  composites()
  args.out.mkdir(parents=True, exist_ok=True)
  tensors = args.out / 'slice.safetensors'
  save_file(TENSORS, tensors)
  tensors.chmod(0o644)
  manifest = dict(group='slice', tensors=tensors.name, jax=jax.__version__, n_cases=len(CASES),
                  note='written by Scripts/make_fixtures.py, which says what the fields mean')
  lines = ',\n'.join(json.dumps(c) for c in CASES)
  head = json.dumps(manifest)[:-1]
  (args.out / 'slice.manifest.json').write_text(f'{head}, "cases": [\n{lines}\n]}}\n')


if __name__ == '__main__':
  main()
