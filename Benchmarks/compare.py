#!/usr/bin/env python3
"""Times blox-bench and other libraries in turns, and writes a table and a chart of the ratios.

  python3 Benchmarks/compare.py --peer jax,jax-tuned
  python3 Benchmarks/compare.py --peer jax,torch --python torch=VENV/bin/python --workload matmul_512,softmax

With --rounds 3 everything runs three times, and the fastest run of each program counts: on a shared machine two
processors may be one core's for a while, which halves what any program can do.

Builds blox-bench, runs each workload in a process of its own for every program (peers/README.md says how, and what
each peer needs), and refuses figures whose checksums differ. What comes out, in the folder given by --out:

  results.json   every figure (merged with those that are there: --workload may do some)
  results.md     a table: times, and how many times the best peer's time is ours
  results.svg    the ratios as a chart

Needs numpy and matplotlib, and for each peer its library in the interpreter that --python names for it.
"""

import argparse
import datetime
import json
import math
import os
import pathlib
import platform
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
OURS = 'swift'


def main():
  parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument('--peer', default='jax,jax-tuned', help='peers of peers/run_peers.py, separated by commas')
  parser.add_argument('--python', action='append', default=[], help='PEER[,PEER]=interpreter')
  parser.add_argument('--workload', default='all', help='names or groups of peers/workloads.json, or all')
  parser.add_argument('--threads', type=int, default=2)
  parser.add_argument('--rounds', type=int, default=1, help='how often everything runs; of each program the calmest counts')
  parser.add_argument('--quick', action='store_true', help='two iterations: do the checksums agree?')
  parser.add_argument('--out', default=str(HERE / 'results'), help='where results go')
  args = parser.parse_args()
  out = pathlib.Path(args.out)
  out.mkdir(parents=True, exist_ok=True)
  subprocess.run(
      ['swift', 'build', '--package-path', str(HERE), '-c', 'release', '--product', 'blox-bench'], check=True)
  binary = HERE / '.build' / 'release' / 'blox-bench'
  known = set(subprocess.run([binary, '--list'], check=True, capture_output=True, text=True).stdout.split())
  spec = json.loads((HERE / 'peers' / 'workloads.json').read_text())['workloads']
  wanted = args.workload.split(',')
  chosen = [w for w in spec if w['name'] in known and ('all' in wanted or w['name'] in wanted or w['group'] in wanted)]
  if not chosen:
    raise SystemExit(f'no workload {args.workload!r}; blox-bench --list shows them')
  results = out / 'results.json'
  command = [
      sys.executable, str(HERE / 'peers' / 'run_peers.py'), '--peer', f'{args.peer},{OURS}', '--cmd', f'{OURS}={binary}',
      '--workload', ','.join(w['name'] for w in chosen), '--threads', str(args.threads)]
  for python in args.python:
    command += ['--python', python]
  known_results = json.loads(results.read_text())['results'] if results.exists() else []
  this_run = set()
  for number in range(args.rounds):
    one = out / f'round-{number}.json'
    one.unlink(missing_ok=True)
    subprocess.run(command + ['--json', str(one)] + (['--quick'] if args.quick else []), check=True)
    for result in json.loads(one.read_text())['results']:
      known_results = calmer(known_results, result, this_run)
    one.unlink()
    results.write_text(json.dumps(dict(results=known_results), indent=1))

  figures = {}
  for result in known_results:
    if result.get('threads', 2) == args.threads:
      figures.setdefault(result['workload'], {})[result['peer']] = result
  rows = [row(w, figures[w['name']]) for w in spec if w['name'] in figures]
  (out / 'results.md').write_text(table(rows, args.threads))
  chart(rows, out / 'results.svg')
  print((out / 'results.md').read_text())
  wrong = [r['name'] for r in rows if r['wrong']]
  if wrong:
    raise SystemExit('checksums differ: ' + ', '.join(wrong))


EAGER = ('numpy', 'torch', 'torch-tuned')


def calmer(results, new, this_run):
  """The results with a new one in place of that of the same program, unless an earlier round of this run was faster: a
  shared machine makes a program slower and never faster."""
  def key(result):
    return (result['workload'], result['peer'], result.get('threads', 2))
  old = next((r for r in results if key(r) == key(new)), None)
  if key(new) in this_run and old and old.get('median_s', 1e300) <= new.get('median_s', 1e300):
    return results
  this_run.add(key(new))
  return [r for r in results if key(r) != key(new)] + [new]


def row(workload, results):
  """The figures of a workload: ours, each peer's, and the best of those."""
  ours = results.get(OURS, {})
  peers = {name: r for name, r in results.items() if name != OURS and 'median_s' in r}
  if workload['group'] == 'compile':
    # What runs op by op has nothing to compile: its first call differs from the others by chance.
    peers = {name: r for name, r in peers.items() if name not in EAGER}
  best = min(peers, key=lambda name: peers[name]['median_s'], default=None)
  ratio = None
  wrong = [name for name, r in peers.items() if differs(ours, r)]
  if best and 'median_s' in ours and not wrong:
    ratio = peers[best]['median_s'] / ours['median_s']
  return dict(name=workload['name'], ours=ours, peers=peers, best=best, ratio=ratio, wrong=wrong)


def differs(ours, peer):
  """Whether two programs computed different things; peers/README.md gives the tolerances."""
  def apart(a, b, relative, absolute=0.0):
    return abs(a - b) > relative * max(abs(a), abs(b)) + absolute
  if 'losses' in ours and 'losses' in peer:
    return any(apart(a, b, 1e-4) for a, b in zip(ours['losses'], peer['losses']))
  if 'checksum_sq' in ours and 'checksum_sq' in peer:
    return apart(ours['checksum_sq'], peer['checksum_sq'], 1e-4) or any(
        apart(a, b, 1e-3, 1e-5) for a, b in zip(ours.get('probe', []), peer.get('probe', [])))
  return False


def span(seconds):
  for unit, size in (('s', 1), ('ms', 1e-3), ('µs', 1e-6)):
    if seconds >= size:
      value = seconds / size
      return f'{value:.0f} {unit}' if value >= 100 else f'{value:.1f} {unit}' if value >= 10 else f'{value:.2f} {unit}'
  return f'{seconds * 1e9:.0f} ns'


def size(count):
  for unit, bytes_of in (('MiB', 1 << 20), ('KiB', 1 << 10)):
    if count >= bytes_of:
      return f'{count / bytes_of:.1f} {unit}'
  return f'{count} B'


def processor():
  for line in pathlib.Path('/proc/cpuinfo').read_text().splitlines() if os.path.exists('/proc/cpuinfo') else []:
    if line.startswith('model name'):
      return line.split(':', 1)[1].strip()
  return platform.processor() or platform.machine()


def table(rows, threads):
  names = sorted({name for r in rows for name in r['peers']})
  lines = [
      f'{datetime.date.today().isoformat()}, {processor()}, {threads} thread{"s" if threads > 1 else ""}. Medians; '
      'the ratio is the best peer\'s time divided by that of blox.', '',
      '| workload | blox | ' + ' | '.join(names) + ' | ratio | arena |', '| --- | ---: |' + ' ---: |' * (len(names) + 2)]
  for r in rows:
    cells = [r['name'], span(r['ours']['median_s']) if 'median_s' in r['ours'] else 'failed']
    cells += [span(r['peers'][n]['median_s']) if n in r['peers'] else '' for n in names]
    cells.append('checksum differs' if r['wrong'] else f'{r["ratio"]:.2f}' if r['ratio'] else '')
    arena = r['ours'].get('arena_bytes')
    cells.append(size(arena) if arena is not None else '')
    lines.append('| ' + ' | '.join(cells) + ' |')
  ratios = [r['ratio'] for r in rows if r['ratio']]
  if ratios:
    mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
    level = sum(ratio >= 1 for ratio in ratios)
    lines += ['', f'Geometric mean of the ratios: {mean:.2f}. At least level in {level} of {len(ratios)} workloads.']
  return '\n'.join(lines) + '\n'


def chart(rows, path):
  import matplotlib
  matplotlib.use('svg')
  matplotlib.rcParams['svg.hashsalt'] = 'blox'  # the same bytes for the same figures
  from matplotlib import pyplot
  rows = [r for r in rows if r['ratio']]
  if not rows:
    return
  figure, axes = pyplot.subplots(figsize=(9, 0.28 * len(rows) + 1.2), layout='constrained')
  places = range(len(rows))
  colors = ['#2a7f62' if r['ratio'] >= 1 else '#c0562f' for r in rows]
  axes.barh(places, [r['ratio'] - 1 for r in rows], color=colors, height=0.7, left=1)
  axes.axvline(1, color='#333333', linewidth=1)
  for place, r in zip(places, rows):
    axes.text(max(r['ratio'], 1) * 1.03, place, f'{r["ratio"]:.2f}  ({r["best"]})', va='center', fontsize=8)
  axes.set_yticks(places, [r['name'] for r in rows], fontsize=8)
  axes.invert_yaxis()
  axes.margins(y=0.01)
  axes.set_xscale('log')
  axes.set_xlim(min(0.5, min(r['ratio'] for r in rows) * 0.8), max(r['ratio'] for r in rows) * 3)
  axes.set_xlabel('best peer\'s time / time of blox (log scale; right of 1 is faster)')
  axes.spines[['top', 'right']].set_visible(False)
  figure.savefig(path, metadata={'Date': None})


if __name__ == '__main__':
  main()
