# SPDX-License-Identifier: MIT
"""A complete training run in JAX in one compiled call: a loop over steps, with a scan in each."""

import functools
import math
import time

import jax
import jax.numpy as jnp
import numpy as np

from bench import run_options, training_run
from bench.workload import GATES

EVALUATION_LENGTH = 4096


def _cell(p, h, xw):
    z = jax.nn.sigmoid(xw[0] + h @ p["Uz"])
    r = jax.nn.sigmoid(xw[1] + h @ p["Ur"])
    rh = r * h
    c = jnp.tanh(xw[2] + rh @ p["Uh"])
    return z * h + (1 - z) * c, (z, r, rh, c, h)


def states_autodiff(p, h, xw):
    """All states (T, B, H) of a layer; xw is x W + b, (T, B, H) for each gate."""

    def step(h, xw):
        h, _ = _cell(p, h, xw)
        return h, h

    return jax.lax.scan(step, h, xw)[1]


def _forward(p, h, xw):
    def step(h, xw):
        h_next, saved = _cell(p, h, xw)
        return h_next, (h_next, saved)

    hs, saved = jax.lax.scan(step, h, xw)[1]
    return hs, (p, saved)


def _backward(saved, dhs):
    # As in docs/explanation/equations.md: a reverse scan, then one product over T * B rows per
    # weight matrix.
    p, (z, r, rh, c, h_prev) = saved
    zr = jnp.concatenate([p["Uz"], p["Ur"]], 1)  # (H, 2H): both gates in one matrix product
    Uzr, Uh = jax.lax.optimization_barrier((zr.T, p["Uh"].T))

    def step(dh, inputs):
        dh_out, z, r, c, h = inputs
        dh = dh + dh_out
        dc = dh * (1 - z) * (1 - c * c)
        drh = dc @ Uh
        dz = dh * (h - c) * z * (1 - z)
        dr = drh * h * r * (1 - r)
        return dh * z + drh * r + jnp.concatenate([dz, dr], -1) @ Uzr, (dz, dr, dc)

    dh, ds = jax.lax.scan(step, jnp.zeros_like(dhs[0]), (dhs, z, r, c, h_prev), reverse=True)
    factors = zip(GATES, (h_prev, h_prev, rh), ds, strict=True)
    return {"U" + gate: _rows(a).T @ _rows(d) for gate, a, d in factors}, dh, ds


def _rows(a):
    return a.reshape(-1, a.shape[-1])


@jax.custom_vjp
def states_manual(p, h, xw):
    """The same with a manual backward pass; autodiff adds B rows to dU in every step."""
    return _forward(p, h, xw)[0]


states_manual.defvjp(_forward, _backward)


def _dropout(rate, hs, key, number):
    if not rate:
        return hs
    keep = jax.random.bernoulli(jax.random.fold_in(key, number), 1 - rate, hs.shape)
    return jnp.where(keep, hs / (1 - rate), 0)


def _loss(states, dropout, p, hidden, x, y, key):
    # Returns the loss in nats, summed over the window and averaged over the batch, and the last
    # hidden states.
    layers, output = p
    xw, last = tuple(layers[0]["W" + gate][x] + layers[0]["b" + gate] for gate in GATES), []
    for number, (layer, h) in enumerate(zip(layers, hidden, strict=True), 1):
        hs = states({"U" + gate: layer["U" + gate] for gate in GATES}, h, xw)
        last.append(hs[-1])
        output_states = _dropout(dropout, hs, key, number)
        for above in layers[number : number + 1]:
            xw = tuple(output_states @ above["W" + gate] + above["b" + gate] for gate in GATES)
    logs = jax.nn.log_softmax(output_states @ output["Wy"] + output["by"])
    nats = -jnp.take_along_axis(logs, y[..., None], -1).sum() / x.shape[1]
    return nats, last


def _adam(clip, learning_rate, step, p, m, v, g):
    g = jax.tree.map(lambda a: jnp.clip(a, -clip, clip), g)
    m = jax.tree.map(lambda m, a: m + (1 - run_options.BETA1) * (a - m), m, g)
    v = jax.tree.map(lambda v, a: v + (1 - run_options.BETA2) * (a * a - v), v, g)
    # Bias corrections 1 - beta^step, without cancellation in the first steps.
    correction1, correction2 = (
        -jnp.expm1(step * math.log(b)) for b in (run_options.BETA1, run_options.BETA2)
    )
    rate, scale = learning_rate / correction1, jax.lax.rsqrt(correction2)
    p = jax.tree.map(
        lambda w, m, v: w - rate * m / (scale * jnp.sqrt(v) + run_options.EPS), p, m, v
    )
    return p, m, v


def _training_function(states, config, plan):
    # Makes the steps from `first` to `last`; inputs and targets are the windows of one epoch, rates
    # the learning rates of the whole run.
    loss = jax.value_and_grad(functools.partial(_loss, states, config.dropout), has_aux=True)

    def train(state, first, last, inputs, targets, rates):
        def step(n, state):
            p, m, v, hidden, losses = state
            window = n % len(inputs)
            hidden = jax.tree.map(lambda h: jnp.where(window == 0, 0, h), hidden)
            key = jax.random.fold_in(jax.random.key(config.seed), n)
            (nats, hidden), g = loss(p, hidden, inputs[window], targets[window], key)
            number = (n + 1).astype(rates.dtype)
            p, m, v = _adam(plan.clip, rates[n], number, p, m, v, g)
            return p, m, v, hidden, losses.at[n].set(nats)

        return jax.lax.fori_loop(first, last, step, state)

    return jax.jit(train, donate_argnums=0)


def _evaluate(states, p, symbols):
    # Mean loss in nats of a text, with batch size 1 and a zero initial state.
    @jax.jit
    def chunk_loss(hidden, x, y):
        return _loss(states, 0.0, p, hidden, x, y, None)

    hidden, nats = [jnp.zeros((1, len(layer["bz"])), layer["bz"].dtype) for layer in p[0]], 0.0
    for start in range(0, len(symbols) - 1, EVALUATION_LENGTH):
        chunk = symbols[start : start + EVALUATION_LENGTH + 1].astype(np.int32)[:, None]
        chunk_nats, hidden = chunk_loss(hidden, chunk[:-1], chunk[1:])
        nats += float(chunk_nats)
    return nats / (len(symbols) - 1)


def _run(states, config):
    if config.dtype == "float64":
        jax.config.update("jax_enable_x64", True)
    plan = training_run.create_plan(config)
    p = jax.tree.map(jnp.array, (plan.layers, plan.output))
    zero = functools.partial(jax.tree.map, jnp.zeros_like)
    hidden = [jnp.zeros((config.B, config.H), config.dtype) for _ in plan.layers]
    state = (p, zero(p), zero(p), hidden, jnp.zeros(len(plan.learning_rates), config.dtype))
    data = tuple(
        map(jnp.asarray, (plan.inputs, plan.targets, plan.learning_rates.astype(config.dtype)))
    )
    start = time.perf_counter()
    train = _training_function(states, config, plan).lower(state, 0, 0, *data).compile()
    warm_up = time.perf_counter() - start

    def run(n):
        start = time.perf_counter()
        state_after = jax.block_until_ready(train(state, 0, n, *data))
        seconds = time.perf_counter() - start
        losses = np.asarray(state_after[-1][:n]) / config.T
        nats = _evaluate(states, state_after[0], plan.validation)
        return {"seconds": seconds, "losses": losses.tolist(), "nats": nats}

    return run, {
        "warm_up": warm_up,
        "characters": config.T * config.B,
        "steps": len(plan.learning_rates),
    }


def autodiff(config):
    """All gradients by autodiff."""
    return _run(states_autodiff, config)


def manual(config):
    """Manual backward pass of the recurrence, autodiff for the rest."""
    return _run(states_manual, config)
