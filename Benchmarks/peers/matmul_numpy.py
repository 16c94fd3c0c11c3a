#!/usr/bin/env python3
"""How fast NumPy multiplies float32 matrices.

Prints one line of JSON with the GFLOP/s (2 m n k operations) of every size, into an array that is
reused: the median over repetitions, and the best one. A size is N for N x N x N, or MxKxN.

  python3 Benchmarks/peers/matmul_numpy.py --threads 2 128 512 4096x64x64
"""

import argparse
import json
import os
import statistics
import time


def parse(text):
  parts = [int(p) for p in text.lower().split('x')]
  if len(parts) == 1:
    parts *= 3
  if len(parts) != 3 or min(parts) < 1:
    raise argparse.ArgumentTypeError(f"'{text}' is neither N nor MxKxN")
  return tuple(parts)


def main():
  parser = argparse.ArgumentParser(
      description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument('sizes', nargs='*', type=parse, metavar='SIZE',
                      help='N or MxKxN (default: 64 128 256 512 1024 2048 and 32x64x128)')
  parser.add_argument('--threads', type=int, help='threads of the BLAS (default: its own choice)')
  parser.add_argument('--seconds', type=float, default=1, help='per size (default: 1)')
  args = parser.parse_args()
  sizes = args.sizes or [parse(s) for s in ('64', '128', '256', '512', '1024', '2048', '32x64x128')]
  if args.threads:
    # Read once, when the library is loaded.
    os.environ['OPENBLAS_NUM_THREADS'] = str(args.threads)

  import numpy as np
  rng = np.random.default_rng(0)
  clock = time.perf_counter
  results = {}
  for m, k, n in sizes:
    a = rng.standard_normal((m, k), dtype=np.float32)
    b = rng.standard_normal((k, n), dtype=np.float32)
    out = np.empty((m, n), np.float32)
    for _ in range(3):
      begin = clock()
      np.matmul(a, b, out=out)
      spent = clock() - begin
    inner = max(1, int(1e-3 / spent))  # small products are timed by the millisecond
    samples = []
    end = clock() + args.seconds
    while clock() < end or len(samples) < 5:
      begin = clock()
      for _ in range(inner):
        np.matmul(a, b, out=out)
      samples.append((clock() - begin) / inner)
    flops = 2 * m * n * k * 1e-9
    results[f'{m}x{k}x{n}'] = dict(gflops=round(flops / statistics.median(samples), 2),
                                   best_gflops=round(flops / min(samples), 2))
  config = np.show_config(mode='dicts')
  blas = config['Build Dependencies']['blas']
  print(json.dumps(dict(
      peer='numpy', version=np.__version__, blas=f"{blas['name']} {blas['version']}",
      threads=args.threads, dtype='float32', matmul=results)))


if __name__ == '__main__':
  main()
