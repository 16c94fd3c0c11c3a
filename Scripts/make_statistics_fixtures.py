#!/usr/bin/env python3
"""Writes the reference numbers of Tests/Fixtures/Statistics: quantiles, differences, membership, patches.

Needs jax 0.10.2 and safetensors:

  python3 Scripts/make_statistics_fixtures.py

The files have the form that Scripts/make_fixtures.py describes. `py` is the expression over x0, x1, ...
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
from jax import lax
from safetensors.numpy import save_file

HERE = pathlib.Path(__file__).resolve().parent
OUT = HERE.parent / 'Tests' / 'Fixtures' / 'Statistics'


def floats(*shape):
  return lambda rng: rng.normal(size=shape).astype(np.float32)


def integers(*shape):
  return lambda rng: rng.integers(-9, 9, shape).astype(np.int32)


def given(values, dtype=np.float32):
  return lambda rng: np.array(values, dtype)


def holes(*shape):
  """About a third NaN, and one row of nothing else."""

  def make(rng):
    x = rng.normal(size=shape).astype(np.float32)
    x[rng.random(shape) < 0.3] = np.nan
    x[0] = np.nan
    return x

  return make


def patches(shape, window, strides, padding, spec=None, **more):
  attrs = dict(window=window, strides=strides, padding=padding, spec=spec, **more)
  keywords = dict(more, dimension_numbers=spec and tuple(spec))
  expression = (f'lax.conv_general_dilated_patches(x0, {window}, {strides}, {padding!r}, '
                + ', '.join(f'{k}={v!r}' for k, v in keywords.items()) + ')')
  return expression, [floats(*shape)], attrs


METHODS = ['linear', 'lower', 'higher', 'nearest', 'midpoint']
HOLES = [holes(4, 9)]
# name: (expression, inputs, attributes for the test)
CASES = {
    **{f'quantile/{m}': (f"jnp.quantile(x0, x1, axis=1, method='{m}')",
                         [floats(3, 8), given([0.0, 0.21, 0.5, 0.77, 1.0])], dict(method=m))
       for m in METHODS},
    **{f'quantile/integers/{m}': (f"jnp.quantile(x0, 0.3, axis=0, method='{m}')", [integers(7, 2)],
                                  dict(method=m)) for m in METHODS},
    'quantile/all': ('jnp.quantile(x0, 0.4)', [floats(3, 4)], {}),
    'quantile/two_axes': ('jnp.quantile(x0, 0.9, axis=(2, 0), keepdims=True)', [floats(3, 4, 5)], {}),
    'quantile/vector_kept': ('jnp.quantile(x0, x1, axis=(0, 2), keepdims=True)',
                             [floats(3, 4, 5), given([0.1, 0.6])], {}),
    'quantile/outside': ('jnp.quantile(x0, x1)', [floats(6), given([-0.5, 1.5])], {}),
    'quantile/nan': ('jnp.quantile(x0, 0.5, axis=1)', HOLES, {}),
    'quantile/infinite': ('jnp.quantile(x0, x1)', [given([-np.inf, 1, 2, np.inf]), given([0.4, 0.9])], {}),
    'percentile': ('jnp.percentile(x0, 12.5, axis=1)', [floats(3, 6)], {}),
    'median/odd': ('jnp.median(x0, axis=1)', [floats(3, 5)], {}),
    'median/even': ('jnp.median(x0, axis=0, keepdims=True)', [floats(4, 3)], {}),
    'median/all': ('jnp.median(x0)', [integers(3, 4)], {}),
    'nanquantile': ('jnp.nanquantile(x0, 0.3, axis=1)', HOLES, {}),
    'nanmedian': ('jnp.nanmedian(x0, axis=1)', HOLES, {}),
    'nanmean': ('jnp.nanmean(x0, axis=1)', HOLES, {}),
    'nanvar': ('jnp.nanvar(x0, axis=1, ddof=1)', HOLES, {}),
    'nanstd': ('jnp.nanstd(x0, axis=1, keepdims=True)', HOLES, {}),
    'nanmax': ('jnp.nanmax(x0, axis=1)', HOLES, {}),
    'nanmin': ('jnp.nanmin(x0, axis=0)', HOLES, {}),
    'diff': ('jnp.diff(x0)', [floats(2, 5)], {}),
    'diff/third': ('jnp.diff(x0, 3, axis=0)', [floats(5, 2)], {}),
    'diff/too_often': ('jnp.diff(x0, 3, axis=0)', [floats(2, 2)], {}),
    'diff/edges': ('jnp.diff(x0, axis=1, prepend=x1, append=x2)',
                   [floats(2, 4), given(0.5), floats(2, 2)], {}),
    'diff/booleans': ('jnp.diff(x0)', [given([1, 1, 0, 1], np.bool_)], {}),
    'isin': ('jnp.isin(x0, x1)', [given([[0, 1, 2], [5, np.nan, -0.0]]), given([2, np.nan, 0, 7])], {}),
    'isin/promoted': ('jnp.isin(x0, x1)', [integers(9), floats(4)], {}),
    'isin/integers': ('jnp.isin(x0, x1)', [integers(5, 5), integers(2, 3)], {}),
    'isin/none': ('jnp.isin(x0, x1)', [integers(4), given([])], {}),
    'patches/1d': patches((2, 3, 7), [3], [2], 'VALID'),
    'patches/2d': patches((2, 5, 6, 3), [2, 3], [1, 2], 'SAME', ['NHWC', 'HWIO', 'NHWC']),
    'patches/mixed': patches((5, 2, 6, 2), [3, 2], [2, 1], [[1, 0], [0, 2]], ['HNWC', 'OHIW', 'CWNH']),
    'patches/dilated': patches((1, 2, 4, 5), [2, 2], [1, 1], [[1, 1], [2, 0]], lhs_dilation=[2, 1],
                               rhs_dilation=[1, 3]),
    'patches/3d': patches((1, 4, 3, 4, 2), [2, 2, 2], [1, 1, 2], 'VALID',
                          ['NDHWC', 'DHWIO', 'NDHWC']),
    'patches/point': patches((2, 3), [], [], 'VALID', ['NC', 'IO', 'NC']),
}


def main():
  parser = argparse.ArgumentParser(
      description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument('--out', type=pathlib.Path, default=OUT,
                      help='the directory (default: Tests/Fixtures/Statistics)')
  args = parser.parse_args()
  tensors, cases = {}, []

  def put(name, value):
    assert name not in tensors, name
    tensors[name] = np.array(np.asarray(value), order='C')
    return name

  for name, (expression, makers, attrs) in CASES.items():
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    arrays = [jnp.asarray(make(rng)) for make in makers]
    code = compile(expression, name, 'eval')

    def f(*xs):
      return eval(code, dict(jnp=jnp, lax=lax, **{f'x{i}': x for i, x in enumerate(xs)}))

    put_all = lambda prefix, xs: [put(f'{name}/{prefix}{i}', x) for i, x in enumerate(xs)]
    y = f(*arrays)
    case = dict(name=name, op=expression[:expression.index('(')], attrs=attrs, py=expression,
                inputs=put_all('x', arrays), outputs=put_all('y', [y]), rtol=2e-6, atol=1e-6)
    if y.dtype == jnp.float32 and arrays[0].dtype == jnp.float32 and np.isfinite(np.asarray(y)).all():
      y, pull = jax.vjp(lambda x: f(x, *arrays[1:]), arrays[0])
      ct = jnp.asarray(rng.normal(size=y.shape), jnp.float32)
      case.update(cotangents=put_all('ct', [ct]), cotangent_of_output=[0],
                  vjps=put_all('vjp', pull(ct)), vjp_of_input=[0])
    cases.append(case)
  args.out.mkdir(parents=True, exist_ok=True)
  file = args.out / 'statistics.safetensors'
  save_file(tensors, file)
  file.chmod(0o644)
  manifest = dict(group='statistics', tensors=file.name, jax=jax.__version__, n_cases=len(cases),
                  note='written by Scripts/make_statistics_fixtures.py')
  lines = ',\n'.join(json.dumps(c) for c in cases)
  head = json.dumps(manifest)[:-1]
  (args.out / 'statistics.manifest.json').write_text(f'{head}, "cases": [\n{lines}\n]}}\n')


if __name__ == '__main__':
  main()
