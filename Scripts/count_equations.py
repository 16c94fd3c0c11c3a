#!/usr/bin/env python3
"""Counts the equations of JAX's jaxprs for the functions of the gallery, after JAX's own dead-code elimination.

Calls are counted by what is in them, since our programs are counted after inlining. Prints a JSON object that
Tests/Fixtures/equations.json keeps, from name to count:

    python3 Scripts/count_equations.py > Tests/Fixtures/equations.json

Needs `jax`, `jax-blox` and `optax`.
"""

import json

import blox as bx
import jax
import jax.numpy as jnp
import optax
from jax.interpreters import partial_eval as pe


def inner(equation):
  """The jaxprs of an equation that stands for a call, or nothing."""
  name = equation.primitive.name
  if name in ('pjit', 'jit', 'closed_call', 'core_call', 'remat', 'custom_jvp_call', 'custom_vjp_call'):
    for key in ('jaxpr', 'call_jaxpr', 'fun_jaxpr'):
      if key in equation.params:
        jaxpr = equation.params[key]
        return [getattr(jaxpr, 'jaxpr', jaxpr)]
  return []


def bodies(equation):
  """The jaxprs of the bodies of control flow."""
  found = []
  for value in equation.params.values():
    for item in value if isinstance(value, (tuple, list)) else [value]:
      jaxpr = getattr(item, 'jaxpr', item)
      if hasattr(jaxpr, 'eqns'):
        found.append(jaxpr)
  return found


def size(jaxpr):
  total = 0
  for equation in jaxpr.eqns:
    calls = inner(equation)
    total += sum(size(c) for c in calls) if calls else 1 + sum(size(b) for b in bodies(equation))
  return total


def equations(function, *arguments):
  jaxpr = jax.make_jaxpr(function)(*arguments).jaxpr
  jaxpr, _ = pe.dce_jaxpr(jaxpr, [True] * len(jaxpr.outvars))
  return size(jaxpr)


def linear():
  graph = bx.Graph('demo')
  rng = bx.Rng(graph.child('rng'))
  layer = bx.Linear(graph.child('linear'), 4, rng=rng)
  x = jnp.zeros((2, 3))
  _, params = layer(rng.seed(bx.Params(), seed=0), x)
  trainable, rest = params.locked().split()

  def forward(trainable):
    return layer(trainable.merge(rest), x)[0]

  def gradients(trainable, x, cotangent):
    y, pullback = jax.vjp(lambda t: layer(t.merge(rest), x)[0], trainable)
    return y, pullback(cotangent)

  return equations(gradients, trainable, x, forward(trainable))


class Digits:
  """The model of the digits example."""

  def __init__(self, rate):
    graph = bx.Graph('net')
    self.rng = bx.Rng(graph.child('rng'))
    self.hidden = bx.Linear(graph.child('hidden'), 8, rng=self.rng)
    self.dropout = bx.Dropout(graph.child('dropout'), rate, rng=self.rng)
    self.output = bx.Linear(graph.child('output'), 10, rng=self.rng)
    self.x = jnp.zeros((2, 64))
    self.y = jnp.zeros((2,), jnp.int32)
    params = self.rng.seed(bx.Params(), seed=0)
    _, params = self(params, self.x)
    self.params = params.locked()

  def __call__(self, params, x):
    h, params = self.hidden(params, x)
    h, params = self.dropout(params, jax.nn.relu(h), is_training=True)
    return self.output(params, h)

  def loss(self, trainable, rest, x, y):
    logits, params = self(trainable.merge(rest), x)
    labels = jax.nn.one_hot(y, 10)
    return -jnp.mean(jnp.sum(labels * jax.nn.log_softmax(logits), axis=-1)), params.split()[1]


class ConvNet(Digits):
  """The model of the convnet example."""

  def __init__(self):
    super().__init__(0.0)
    graph = bx.Graph('net')
    self.rng = bx.Rng(graph.child('rng'))
    self.convs = [bx.Conv(graph.child(f'conv{i}'), (3, 3), 2 * (i + 1), rng=self.rng) for i in range(2)]
    self.output = bx.Linear(graph.child('output'), 10, rng=self.rng)
    _, params = self(self.rng.seed(bx.Params(), seed=0), self.x)
    self.params = params.locked()

  def __call__(self, params, x):
    if not hasattr(self, 'convs'):
      return super().__call__(params, x)
    x = x.reshape((-1, 8, 8, 1))
    for conv in self.convs:
      x, params = conv(params, x)
      x = bx.max_pool(jax.nn.relu(x), (2, 2))
    return self.output(params, x.reshape((x.shape[0], -1)))


def loss_gradients(digits):
  trainable, rest = digits.params.split()

  def gradients(trainable, x, y):
    (loss, _), g = jax.value_and_grad(digits.loss, has_aux=True)(trainable, rest, x, y)
    return loss, g

  return equations(gradients, trainable, digits.x, digits.y)


def mlp_grad():
  return loss_gradients(Digits(0.0))


def convnet():
  return loss_gradients(ConvNet())


def train_step():
  digits = Digits(0.1)
  trainable, rest = digits.params.split()
  optimizer = optax.adam(1e-3)

  def step(trainable, rest, state, x, y):
    (loss, rest), g = jax.value_and_grad(digits.loss, has_aux=True)(trainable, rest, x, y)
    updates, state = optimizer.update(g, state)
    return optax.apply_updates(trainable, updates), rest, state, loss

  return equations(step, trainable, rest, optimizer.init(trainable), digits.x, digits.y)


def rnn():
  weights = dict(bias=jnp.zeros(8), input=jnp.zeros((3, 8)), state=jnp.zeros((8, 8)))

  def loss(weights, sequence, target):

    def step(h, x):
      h = jnp.tanh(x @ weights['input'] + h @ weights['state'] + weights['bias'])
      return h, h

    _, states = jax.lax.scan(step, jnp.zeros((2, 8)), sequence)
    return jnp.mean(jnp.square(states - target))

  return equations(jax.value_and_grad(loss), weights, jnp.zeros((64, 2, 3)), jnp.zeros((64, 2, 8)))


def lstm():
  graph = bx.Graph('net')
  rng = bx.Rng(graph.child('rng'))
  layer = bx.LSTM(graph.child('lstm'), 8, rng=rng)
  x = jnp.zeros((2, 64, 3))
  _, params = layer.apply(rng.seed(bx.Params(), seed=0), x)
  trainable, rest = params.locked().split()

  def loss(trainable, sequence, target):
    (outputs, _), _ = layer.apply(trainable.merge(rest), sequence)
    return jnp.mean(jnp.square(outputs - target))

  return equations(jax.value_and_grad(loss), trainable, x, jnp.zeros((2, 64, 8)))


def forecast():
  graph = bx.Graph('net')
  rng = bx.Rng(graph.child('rng'))
  layer = bx.LSTM(graph.child('lstm'), 4, rng=rng)
  output = bx.Linear(graph.child('output'), 3, rng=rng)
  time, horizon = 8, 3

  def model(params, series):
    (states, _), params = layer.apply(params, series)
    return output(params, states)

  _, params = model(rng.seed(bx.Params(), seed=0), jnp.zeros((1, 1, 1)))
  params = params.locked()
  trainable, _ = params.split()
  optimizer = optax.chain(
      optax.clip_by_global_norm(1.0), optax.adam(optax.warmup_cosine_decay_schedule(0.0, 5e-3, 10, 100)))

  def loss(trainable, rest, windows):
    told, params = model(trainable.merge(rest), windows[:, :time, None])
    positions = jnp.arange(time)[:, None] + jnp.arange(horizon) + 1
    return jnp.mean(jnp.square(told - windows[:, positions])), params.split()[1]

  def step(params, state, windows):
    trainable, rest = params.split()
    (value, rest), g = jax.value_and_grad(loss, has_aux=True)(trainable, rest, windows)
    updates, state = optimizer.update(g, state, trainable)
    return optax.apply_updates(trainable, updates).merge(rest), state, value

  return equations(step, params, optimizer.init(trainable), jnp.zeros((2, time + horizon)))


def rotary(x):
  """Pairs of features a half apart turned by angles that grow with time."""
  time, size = x.shape[1], x.shape[3]
  angle = jnp.arange(time)[:, None] * 10_000.0 ** (-2 * jnp.arange(size // 2) / size)
  sine, cosine = jnp.sin(angle)[:, None], jnp.cos(angle)[:, None]
  a, b = x[..., :size // 2], x[..., size // 2:]
  return jnp.concatenate([a * cosine - b * sine, b * cosine + a * sine], axis=-1)


def textgen():
  features, heads, characters, time = 8, 2, 16, 4
  graph = bx.Graph('model')
  rng = bx.Rng(graph.child('rng'))
  embed = bx.Embed(graph.child('embed'), characters, features, rng=rng)
  norms = [bx.RMSNorm(graph.child(f'norm{i}')) for i in range(3)]
  linear = {
      name: bx.Linear(graph.child(name), size, rng=rng, use_bias=False)
      for name, size in dict(query=8, key=8, value=8, output=8, up=32, down=8).items()
  }

  def model(params, x):
    x, params = embed(params, x)
    h, params = norms[0](params, x)
    parts = []
    for name in ('query', 'key', 'value'):
      part, params = linear[name](params, h)
      parts.append(part.reshape((*part.shape[:-1], heads, features // heads)))
    q, k, v = parts
    h = jax.nn.dot_product_attention(rotary(q), rotary(k), v, is_causal=True)
    h, params = linear['output'](params, h.reshape(x.shape))
    x = x + h
    h, params = norms[1](params, x)
    h, params = linear['up'](params, h)
    h, params = linear['down'](params, jax.nn.gelu(h))
    x, params = norms[2](params, x + h)
    return embed.attend(params, x)

  _, params = model(rng.seed(bx.Params(), seed=0), jnp.zeros((1, 1), jnp.int32))
  trainable, rest = params.locked().split()

  def loss(trainable, windows):
    scores, _ = model(trainable.merge(rest), windows[:, :-1])
    return optax.softmax_cross_entropy_with_integer_labels(scores, windows[:, 1:]).mean()

  return equations(jax.value_and_grad(loss), trainable, jnp.zeros((2, time + 1), jnp.int32))


FUNCTIONS = {
    'linear': linear, 'mlp.grad': mlp_grad, 'train_step': train_step, 'convnet': convnet, 'rnn': rnn,
    'lstm': lstm, 'forecast': forecast, 'textgen': textgen
}
print(json.dumps({name: function() for name, function in FUNCTIONS.items()}, indent=2))
