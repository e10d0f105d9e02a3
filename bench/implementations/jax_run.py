# SPDX-License-Identifier: MIT
"""A whole run in JAX, in one compiled call: a loop over updates around a scan over the window."""

import functools
import math
import time

import jax
import jax.numpy as jnp
import numpy as np

from bench import run_options, training_run
from bench.workload import GATES

EVALUATED = 4096


def _cell(p, h, xw):
    z = jax.nn.sigmoid(xw[0] + h @ p["Uz"])
    r = jax.nn.sigmoid(xw[1] + h @ p["Ur"])
    rh = r * h
    c = jnp.tanh(xw[2] + rh @ p["Uh"])
    return z * h + (1 - z) * c, (z, r, rh, c, h)


def states_by_autodiff(p, h, xw):
    """All states (T, B, H) of a layer, from its inputs' shares xw, (T, B, H) for each gate."""

    def step(h, xw):
        h, _ = _cell(p, h, xw)
        return h, h

    return jax.lax.scan(step, h, xw)[1]


def _forward(p, h, xw):
    def step(h, xw):
        after, kept = _cell(p, h, xw)
        return after, (after, kept)

    hs, kept = jax.lax.scan(step, h, xw)[1]
    return hs, (p, kept)


def _backward(saved, dhs):
    # docs/equations.md: a reverse scan, then one product over T * B rows a matrix.
    p, (z, r, rh, c, before) = saved
    zr = jnp.concatenate([p["Uz"], p["Ur"]], 1)  # (H, 2H): both gates in one product
    Uzr, Uh = jax.lax.optimization_barrier((zr.T, p["Uh"].T))

    def step(dh, at):
        dh_out, z, r, c, h = at
        dh = dh + dh_out
        dc = dh * (1 - z) * (1 - c * c)
        drh = dc @ Uh
        dz = dh * (h - c) * z * (1 - z)
        dr = drh * h * r * (1 - r)
        return dh * z + drh * r + jnp.concatenate([dz, dr], -1) @ Uzr, (dz, dr, dc)

    dh, ds = jax.lax.scan(step, jnp.zeros_like(dhs[0]), (dhs, z, r, c, before), reverse=True)
    read = zip(GATES, (before, before, rh), ds, strict=True)
    return {"U" + gate: _rows(a).T @ _rows(d) for gate, a, d in read}, dh, ds


def _rows(a):
    return a.reshape(-1, a.shape[-1])


@jax.custom_vjp
def states_by_hand(p, h, xw):
    """The same, with a backward pass of its own: autodiff adds up B rows of dU in every step."""
    return _forward(p, h, xw)[0]


states_by_hand.defvjp(_forward, _backward)


def _dropped(rate, hs, key, number):
    if not rate:
        return hs
    kept = jax.random.bernoulli(jax.random.fold_in(key, number), 1 - rate, hs.shape)
    return jnp.where(kept, hs / (1 - rate), 0)


def _loss(states, dropout, p, hidden, x, y, key):
    # Nats of the window, summed over it and averaged over the streams, and the states after it.
    layers, output = p
    xw, last = tuple(layers[0]["W" + gate][x] + layers[0]["b" + gate] for gate in GATES), []
    for number, (layer, h) in enumerate(zip(layers, hidden, strict=True), 1):
        hs = states({"U" + gate: layer["U" + gate] for gate in GATES}, h, xw)
        last.append(hs[-1])
        read = _dropped(dropout, hs, key, number)
        for above in layers[number : number + 1]:
            xw = tuple(read @ above["W" + gate] + above["b" + gate] for gate in GATES)
    logs = jax.nn.log_softmax(read @ output["Wy"] + output["by"])
    nats = -jnp.take_along_axis(logs, y[..., None], -1).sum() / x.shape[1]
    return nats, last


def _adam(clip, rate, number, p, mean, square, g):
    g = jax.tree.map(lambda a: jnp.clip(a, -clip, clip), g)
    mean = jax.tree.map(lambda m, a: m + (1 - run_options.BETA1) * (a - m), mean, g)
    square = jax.tree.map(lambda m, a: m + (1 - run_options.BETA2) * (a * a - m), square, g)
    # 1 - beta^number, without the cancellation at the first numbers
    gain, square_gain = (
        -jnp.expm1(number * math.log(b)) for b in (run_options.BETA1, run_options.BETA2)
    )
    step, root = rate / gain, jax.lax.rsqrt(square_gain)
    p = jax.tree.map(
        lambda w, m, s: w - step * m / (root * jnp.sqrt(s) + run_options.EPS), p, mean, square
    )
    return p, mean, square


def _trainer(states, config, plan):
    # The updates from `first` to `last`, on a pass of windows and the rates of the whole run.
    loss = jax.value_and_grad(functools.partial(_loss, states, config.dropout), has_aux=True)

    def train(state, first, last, inputs, targets, rates):
        def update(n, state):
            p, mean, square, hidden, losses = state
            at = n % len(inputs)
            hidden = jax.tree.map(lambda h: jnp.where(at == 0, 0, h), hidden)
            key = jax.random.fold_in(jax.random.key(config.seed), n)
            (nats, hidden), g = loss(p, hidden, inputs[at], targets[at], key)
            number = (n + 1).astype(rates.dtype)
            p, mean, square = _adam(plan.clip, rates[n], number, p, mean, square, g)
            return p, mean, square, hidden, losses.at[n].set(nats)

        return jax.lax.fori_loop(first, last, update, state)

    return jax.jit(train, donate_argnums=0)


def _evaluate(states, p, symbols):
    # Mean nats of a text read as one stream from a zero state.
    @jax.jit
    def score(hidden, x, y):
        return _loss(states, 0.0, p, hidden, x, y, None)

    hidden, nats = [jnp.zeros((1, len(layer["bz"])), layer["bz"].dtype) for layer in p[0]], 0.0
    for start in range(0, len(symbols) - 1, EVALUATED):
        piece = symbols[start : start + EVALUATED + 1].astype(np.int32)[:, None]
        piece_nats, hidden = score(hidden, piece[:-1], piece[1:])
        nats += float(piece_nats)
    return nats / (len(symbols) - 1)


def _run(states, config):
    if config.dtype == "float64":
        jax.config.update("jax_enable_x64", True)
    plan = training_run.plan(config)
    p = jax.tree.map(jnp.array, (plan.layers, plan.output))
    zero = functools.partial(jax.tree.map, jnp.zeros_like)
    hidden = [jnp.zeros((config.B, config.H), config.dtype) for _ in plan.layers]
    state = (p, zero(p), zero(p), hidden, jnp.zeros(len(plan.rates), config.dtype))
    data = tuple(map(jnp.asarray, (plan.inputs, plan.targets, plan.rates.astype(config.dtype))))
    began = time.perf_counter()
    train = _trainer(states, config, plan).lower(state, 0, 0, *data).compile()
    warm_up = time.perf_counter() - began

    def run(n):
        began = time.perf_counter()
        after = jax.block_until_ready(train(state, 0, n, *data))
        seconds = time.perf_counter() - began
        losses = np.asarray(after[-1][:n]) / config.T
        nats = _evaluate(states, after[0], plan.held_out)
        return {"seconds": seconds, "losses": losses.tolist(), "nats": nats}

    return run, {
        "warm_up": warm_up,
        "characters": config.T * config.B,
        "updates": len(plan.rates),
    }


def autodiff(config):
    """The gradient by autodiff throughout."""
    return _run(states_by_autodiff, config)


def by_hand(config):
    """The backward pass of the recurrence written by hand."""
    return _run(states_by_hand, config)
