#!/usr/bin/env python3
"""The digits example's training step in JAX, timed.

An MLP 64 -> hidden -> 10 (relu, then dropout 0.1 with a key of its own for every step), float32,
softmax cross entropy, Adam with learning rate 1e-3; one jitted function whose state is donated.
Prints one line of JSON:

  steps_per_s       training steps per second, waiting only at the end of every quarter second
  steps_per_s_sync  the same, waiting for the loss of every step
  compile_s         the first call of the step less a later one
  cold_start_s      from the start of the process to the first step's loss (synthetic data only:
                    reading the real data imports scikit-learn, which is no part of the example)
  scalar_call_us    microseconds per call of a jitted `x * 2 + 1` on a scalar, waiting for each

  python3 Benchmarks/peers/digits_jax.py --threads 2
"""

import time

SCRIPT_START = time.perf_counter()

import argparse
import json
import os
import statistics


def process_age():
  """Seconds since the process began; since the script began where that is not known."""
  try:
    with open('/proc/self/stat') as f:
      ticks = int(f.read().rsplit(')', 1)[1].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf('SC_CLK_TCK')
  except (OSError, AttributeError, IndexError, ValueError):
    return time.perf_counter() - SCRIPT_START


def use_threads(count):
  """Limits the process to `count` processors. XLA sizes its thread pools by that, on import."""
  if hasattr(os, 'sched_setaffinity'):
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])
  if count == 1:
    flags = os.environ.get('XLA_FLAGS', '')
    os.environ['XLA_FLAGS'] = flags + ' --xla_cpu_multi_thread_eigen=false'


def load(kind, batch):
  """The batches, as (pixels, labels)."""
  import numpy as np
  if kind == 'digits':
    from sklearn.datasets import load_digits
    digits = load_digits()
    x, y = (digits.data / 16).astype(np.float32), digits.target.astype(np.int32)
  else:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 17, (1797, 64)).astype(np.float32) / 16
    y = (x @ rng.standard_normal((64, 10))).argmax(-1).astype(np.int32)
  count = max(1, len(x) // batch)
  rows = np.resize(np.arange(len(x)), count * batch).reshape(count, batch)
  return [(x[r], y[r]) for r in rows]


def build(hidden):
  """The initial state and the jitted step(state, x, y) -> (state, loss)."""
  import jax
  import jax.numpy as jnp
  rate, lr, b1, b2, eps = 0.1, 1e-3, 0.9, 0.999, 1e-8
  init = jax.nn.initializers.lecun_normal()

  @jax.jit  # as one function: run op by op, this would compile longer than the step
  def start():
    k1, k2, key = jax.random.split(jax.random.key(0), 3)
    params = dict(w1=init(k1, (64, hidden)), b1=jnp.zeros(hidden), w2=init(k2, (hidden, 10)),
                  b2=jnp.zeros(10))
    m, v = jax.tree.map(jnp.zeros_like, params), jax.tree.map(jnp.zeros_like, params)
    return dict(params=params, m=m, v=v, step=jnp.int32(0), key=key)

  def loss_fn(p, key, x, y):
    h = jax.nn.relu(x @ p['w1'] + p['b1'])
    h = h * jax.random.bernoulli(key, 1 - rate, h.shape) / (1 - rate)
    logits = h @ p['w2'] + p['b2']
    return -jnp.mean(jnp.sum(jax.nn.one_hot(y, 10) * jax.nn.log_softmax(logits), axis=-1))

  def step(state, x, y):
    key = jax.random.fold_in(state['key'], state['step'])
    loss, grads = jax.value_and_grad(loss_fn)(state['params'], key, x, y)
    t = state['step'] + 1
    m = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, state['m'], grads)
    v = jax.tree.map(lambda v, g: b2 * v + (1 - b2) * g * g, state['v'], grads)
    c1, c2 = 1 - b1**t.astype(jnp.float32), 1 - b2**t.astype(jnp.float32)
    params = jax.tree.map(lambda p, m, v: p - lr * (m / c1) / (jnp.sqrt(v / c2) + eps),
                          state['params'], m, v)
    return dict(params=params, m=m, v=v, step=t, key=state['key']), loss

  return start(), jax.jit(step, donate_argnums=0)


def rate_of(run, seconds):
  """The median rate of `run(n)`, which does n steps, over pieces of a quarter second."""
  n, rates = 1, []
  while True:  # how many steps make a piece
    begin = time.perf_counter()
    run(n)
    spent = time.perf_counter() - begin
    if spent > 0.05:
      break
    n *= 2
  n = max(1, int(n * 0.25 / spent))
  end = time.perf_counter() + seconds
  while time.perf_counter() < end or len(rates) < 3:
    begin = time.perf_counter()
    run(n)
    rates.append(n / (time.perf_counter() - begin))
  return statistics.median(rates)


def main():
  parser = argparse.ArgumentParser(
      description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
  parser.add_argument('--hidden', type=int, default=128, help='units (default: 128)')
  parser.add_argument('--batch', type=int, default=32, help='rows of a batch (default: 32)')
  parser.add_argument('--threads', type=int, help='processors to use (default: all)')
  parser.add_argument('--seconds', type=float, default=3, help='per measurement (default: 3)')
  parser.add_argument('--data', choices=['synthetic', 'digits'], default='synthetic')
  args = parser.parse_args()
  if args.threads:
    use_threads(args.threads)
  os.environ.setdefault('JAX_PLATFORMS', 'cpu')

  import jax
  import jax.numpy as jnp
  batches = load(args.data, args.batch)
  state, step = build(args.hidden)
  begin = time.perf_counter()
  state, loss = step(state, *batches[0])
  first_loss = float(loss)
  first = time.perf_counter() - begin
  cold = process_age()

  batches = jax.block_until_ready([jax.tree.map(jnp.asarray, b) for b in batches])
  for x, y in batches[:20]:
    state, loss = step(state, x, y)
  later = []
  for x, y in batches[:20]:
    begin = time.perf_counter()
    state, loss = step(state, x, y)
    loss.block_until_ready()
    later.append(time.perf_counter() - begin)

  position = 0

  def run(n, sync=False):
    nonlocal state, loss, position
    for _ in range(n):
      state, loss = step(state, *batches[position])
      position = (position + 1) % len(batches)
      if sync:
        loss.block_until_ready()
    jax.block_until_ready((state, loss))

  steps = rate_of(run, args.seconds)
  steps_sync = rate_of(lambda n: run(n, sync=True), args.seconds)

  scalar = jax.jit(lambda x: x * 2 + 1)
  one = jnp.float32(1)
  scalar(one).block_until_ready()

  def calls(n):
    for _ in range(n):
      scalar(one).block_until_ready()

  call_rate = rate_of(calls, min(args.seconds, 2))
  print(json.dumps(dict(
      peer='jax', version=jax.__version__, hidden=args.hidden, batch=args.batch,
      threads=args.threads or len(os.sched_getaffinity(0)), data=args.data,
      steps_per_s=round(steps, 1), steps_per_s_sync=round(steps_sync, 1),
      compile_s=round(first - statistics.median(later), 4),
      cold_start_s=round(cold, 3) if args.data == 'synthetic' else None,
      scalar_call_us=round(1e6 / call_rate, 3), first_loss=round(first_loss, 4),
      last_loss=round(float(loss), 4))))


if __name__ == '__main__':
  main()
