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


counts = {'linear': linear(), 'mlp.grad': mlp_grad(), 'train_step': train_step(), 'convnet': convnet()}
print(json.dumps(counts, indent=2))
