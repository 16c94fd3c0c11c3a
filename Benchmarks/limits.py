#!/usr/bin/env python3
"""Holds products and memory-bound workloads against what this machine can do, in turns.

  python3 Benchmarks/limits.py --rounds 5

Each round measures the machine (peers/limits.c) and then each workload of blox-bench. A product is divided by the peak of
multiply-adds, a memory-bound workload by the bandwidth of the triad, with ordinary stores and with stores past the
caches, all on every processor. A limit is the best of several attempts, as is a workload's fastest iteration; its median
iteration also has what others do to a shared machine. The table has the median of the rounds for both.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
PRODUCTS = ['matmul_512', 'matmul_1024', 'matmul_2048']
MEMORY_BOUND = ['transpose', 'gelu_1.6e7', 'softmax', 'layernorm', 'sum_axis0', 'sum_axis1', 'matvec']


def main():
  parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument('--rounds', type=int, default=5)
  rounds = parser.parse_args().rounds
  subprocess.run(['swift', 'build', '--package-path', HERE, '-c', 'release', '--product', 'blox-bench'], check=True)
  bench = HERE / '.build' / 'release' / 'blox-bench'
  ratios = {}  # of each workload and limit: in each round that of the fastest iteration, and of the median
  with tempfile.TemporaryDirectory() as folder:
    limits = pathlib.Path(folder) / 'limits'
    subprocess.run(
        ['cc', '-O3', '-march=native', '-pthread', HERE / 'peers' / 'limits.c', '-o', limits, '-lm'], check=True)
    for _ in range(rounds):
      machine = figures(limits)
      threads = machine['threads_max']
      peak = max(machine[f'fma_f32_{vectors}_gflops_{threads}t'] for vectors in ('avx512', 'avx2'))
      triad, past_caches = (machine[f'dram_{name}_gbs_hugepage_{threads}t'] for name in ('triad', 'triad_nt'))
      print(f'{peak:.0f} GFLOP/s; triad {triad:.1f} GB/s, past the caches {past_caches:.1f} GB/s', flush=True)
      for name in PRODUCTS + MEMORY_BOUND:
        ours = figures(bench, '--workload', name, '--threads', str(threads))
        lead = ours['median_s'] / ours['min_s']
        if name in PRODUCTS:
          shares = {'multiply-adds': ours['gflops'] / peak}
        else:
          shares = {'triad': ours['gb_per_s'] / triad, 'triad past the caches': ours['gb_per_s'] / past_caches}
        for limit, share in shares.items():
          ratios.setdefault((name, limit), []).append((share * lead, share))
  print('\n| workload | of | fastest | median |\n| --- | --- | ---: | ---: |')
  for (name, limit), all_rounds in ratios.items():
    fastest, median = (statistics.median(column) for column in zip(*all_rounds))
    print(f'| {name} | {limit} | {fastest:.2f} | {median:.2f} |')


def figures(*command):
  """What a program prints as JSON."""
  return json.loads(subprocess.run(command, check=True, capture_output=True, text=True, cwd=HERE / 'peers').stdout)


if __name__ == '__main__':
  main()
