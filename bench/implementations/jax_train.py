# SPDX-License-Identifier: MIT
"""Training in JAX with autodiff; one compiled call makes many training steps."""

import jax
import jax.numpy as jnp

from bench import workload

CHARACTERS_PER_CALL = 8000


def initial_weights(config):
    """One matrix per gate: W (V, H), U (H, H), b (H); and Wy (H, V), by (V)."""
    p = workload.initial_weights(config.V, config.H, config.dtype)
    return {k: jnp.asarray(a.T[0] if k[0] == "b" else a.T.copy()) for k, a in p.items()}


def fused_initial_weights(config):
    """The arrays of :func:`bench.workload.fused_initial_weights`."""
    return jax.tree.map(
        jnp.asarray, workload.fused_initial_weights(config.V, config.H, config.dtype)
    )


def _states(p, h, x):
    def step(h, x):
        z = jax.nn.sigmoid(p["Wz"][x] + h @ p["Uz"] + p["bz"])
        r = jax.nn.sigmoid(p["Wr"][x] + h @ p["Ur"] + p["br"])
        c = jnp.tanh(p["Wh"][x] + (r * h) @ p["Uh"] + p["bh"])
        h = z * h + (1 - z) * c
        return h, h

    return jax.lax.scan(step, h, x)


def _fused_states(p, h, x):
    H = h.shape[1]

    def step(h, xw):
        zr = jax.nn.sigmoid(xw[:, : 2 * H] + h @ p["Uzr"])
        c = jnp.tanh(xw[:, 2 * H :] + (zr[:, H:] * h) @ p["Uh"])
        h = zr[:, :H] * h + (1 - zr[:, :H]) * c
        return h, h

    return jax.lax.scan(step, h, p["W"][x] + p["b"])


def _autodiff(states):
    def loss(p, h, x, y):
        h, hs = states(p, h, x)
        logits = hs @ p["Wy"] + p["by"]
        log_p = jnp.take_along_axis(jax.nn.log_softmax(logits), y[..., None], -1)
        return -log_p.sum() / h.shape[0], h

    def gradients(p, h, x, y):
        (nats, h), g = jax.value_and_grad(loss, has_aux=True)(p, h, x, y)
        return nats, h, g

    return gradients


def training_runner(config, p, gradients):
    """One unit is one call: training steps on windows of T * B characters."""
    clip, eps, learning_rate = workload.CLIP, workload.EPS, workload.LEARNING_RATE

    def step(carry, xy):
        p, m, h = carry
        nats, h, g = gradients(p, h, *xy)
        g = jax.tree.map(lambda a: jnp.clip(a, -clip, clip), g)
        m = jax.tree.map(lambda s, a: s + a * a, m, g)
        p = jax.tree.map(lambda w, a, s: w - learning_rate * a / jnp.sqrt(s + eps), p, g, m)
        return (p, m, h), nats

    def steps(p, m, h, x, y):
        return jax.lax.scan(step, (p, m, h), (x, y))

    call = jax.jit(steps, donate_argnums=(0, 1, 2))
    symbols, _ = workload.read_text(config.text)
    x, y = workload.windows(symbols, config.T, config.B)
    size = min(len(x), max(2, CHARACTERS_PER_CALL // (config.T * config.B)))
    chunks = [
        (jnp.asarray(x[i : i + size]), jnp.asarray(y[i : i + size]))
        for i in range(0, len(x) - size + 1, size)
    ]
    zero = jnp.zeros((config.B, config.H), config.dtype)
    state, calls = (p, jax.tree.map(jnp.zeros_like, p), zero + 0), 0

    def call_once():
        nonlocal state, calls
        i = calls % len(chunks)
        if i == 0:
            state = (*state[:2], zero + 0)
        calls += 1
        state, nats = call(*state, *chunks[i])
        return nats

    def run(n):
        for _ in range(n):
            nats = call_once()
        nats.block_until_ready()

    losses = (call_once() / config.T)[:2].tolist()
    return run, {"units": size * config.T * config.B, "losses": losses}


def split(config):
    """One matrix product per gate."""
    return training_runner(config, initial_weights(config), _autodiff(_states))


def fused(config):
    """Uz and Ur in one matrix product."""
    return training_runner(config, fused_initial_weights(config), _autodiff(_fused_states))
