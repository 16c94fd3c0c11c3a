#!/usr/bin/env python3
"""Writes the reference numbers of Tests/Fixtures/Attention from jax.nn.dot_product_attention.

Needs jax 0.10.2 and safetensors:

  python3 Scripts/make_attention_fixtures.py

The files have the form that Scripts/make_fixtures.py describes.
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
from safetensors.numpy import save_file

HERE = pathlib.Path(__file__).resolve().parent
OUT = HERE.parent / 'Tests' / 'Fixtures' / 'Attention'

B, T, S, N, H = 2, 5, 7, 4, 6

# name: (query shape, key shape, further inputs, keywords; a string stands for an input)
CASES = {
    'plain': ((B, T, N, H), (B, S, N, H), {}, {}),
    'no_batch': ((T, N, H), (S, N, H), {}, {}),
    'scale': ((B, T, N, H), (B, S, N, H), {}, dict(scale=0.3)),
    'causal': ((B, T, N, H), (B, T, N, H), {}, dict(is_causal=True)),
    'causal_longer_keys': ((B, T, N, H), (B, S, N, H), {}, dict(is_causal=True)),
    'causal_longer_queries': ((B, S, N, H), (B, T, N, H), {}, dict(is_causal=True)),
    'grouped': ((B, T, N, H), (B, S, 2, H), {}, {}),
    'multi_query': ((B, T, N, H), (B, T, 1, H), {}, dict(is_causal=True)),
    'bias': ((B, T, N, H), (B, S, N, H), dict(bias=(B, N, T, S)), {}),
    'bias_shared': ((B, T, N, H), (B, S, 2, H), dict(bias=(1, 1, T, S)), {}),
    'bias_grouped': ((B, T, N, H), (B, S, 2, H), dict(bias=(1, N, T, S)), {}),
    'mask': ((B, T, N, H), (B, S, N, H), dict(mask=(B, N, T, S)), {}),
    'mask_shared': ((B, T, N, H), (B, S, 2, H), dict(mask=(T, S)), {}),
    'mask_all': ((B, T, N, H), (B, S, N, H), dict(mask='none'), {}),
    'lengths': ((B, T, N, H), (B, S, N, H),
                dict(query_seq_lengths=[3, 5], key_value_seq_lengths=[7, 2]), {}),
    'key_lengths': ((B, T, N, H), (B, S, 2, H), dict(key_value_seq_lengths=[4, 1]),
                    dict(is_causal=True)),
    'window': ((B, S, N, H), (B, S, N, H), {}, dict(local_window_size=(2, 1))),
    'window_causal': ((B, S, N, H), (B, S, N, H), {}, dict(local_window_size=2, is_causal=True)),
    'bf16': ((B, T, N, H), (B, S, 2, H), {}, dict(is_causal=True)),
    'f16': ((B, T, N, H), (B, S, N, H), {}, {}),
}


def main():
  parser = argparse.ArgumentParser(
      description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument('--out', type=pathlib.Path, default=OUT,
                      help='the directory (default: Tests/Fixtures/Attention)')
  args = parser.parse_args()
  tensors, cases = {}, []

  def put(name, value):
    assert name not in tensors, name
    tensors[name] = np.array(np.asarray(value), order='C')
    return name

  for name, (q, k, extra, keywords) in CASES.items():
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    dtype = dict(bf16=jnp.bfloat16, f16=jnp.float16).get(name, jnp.float32)
    arrays = [jnp.asarray(rng.normal(size=s), dtype) for s in (q, k, k)]
    more = {}
    for field, what in extra.items():
      if field == 'mask':
        mask = np.zeros((1, 1, T, S), bool) if what == 'none' else rng.random(what) < 0.6
        more[field] = jnp.asarray(mask)
      else:
        more[field] = (jnp.asarray(what, jnp.int32) if isinstance(what, list)
                       else jnp.asarray(rng.normal(size=what), dtype))
    active = 3 + ('bias' in more)

    def f(*xs):
      fields = dict(more)
      if 'bias' in more:
        fields['bias'] = xs[3]
      return jax.nn.dot_product_attention(*xs[:3], **fields, **keywords)

    variables = arrays + [more[x] for x in more if x == 'bias']
    y, pull = jax.vjp(f, *variables)
    ct = jnp.asarray(rng.normal(size=y.shape), dtype)
    loose = dtype != jnp.float32
    put_all = lambda prefix, xs: [put(f'{name}/{prefix}{i}', x) for i, x in enumerate(xs)]
    case = dict(
        name=name, op='attention', attrs=dict(extra=list(more)),
        inputs=put_all('x', arrays + list(more.values())), outputs=put_all('y', [y]),
        cotangents=put_all('ct', [ct]), cotangent_of_output=[0],
        vjps=put_all('vjp', pull(ct)), vjp_of_input=list(range(active)),
        rtol=4e-2 if loose else 2e-5, atol=4e-2 if loose else 3e-6)
    cases.append(case)
  args.out.mkdir(parents=True, exist_ok=True)
  file = args.out / 'attention.safetensors'
  save_file(tensors, file)
  file.chmod(0o644)
  manifest = dict(group='attention', tensors=file.name, jax=jax.__version__, n_cases=len(cases),
                  note='written by Scripts/make_attention_fixtures.py')
  lines = ',\n'.join(json.dumps(c) for c in cases)
  head = json.dumps(manifest)[:-1]
  (args.out / 'attention.manifest.json').write_text(f'{head}, "cases": [\n{lines}\n]}}\n')


if __name__ == '__main__':
  main()
