# SPDX-License-Identifier: MIT
"""Drawing characters in JAX: a compiled scan, with three ways to draw."""

import jax
import jax.numpy as jnp
import numpy as np

from bench import workload
from bench.implementations.jax_train import fused_weights

CHUNK = 1000


def _by_sums(sums_of):
    def draw(logits, u):
        p = jnp.exp(logits - logits.max(-1, keepdims=True))
        sums = sums_of(p)
        return jnp.sum(sums <= u[:, None] * sums[:, -1:], -1, dtype=jnp.int32)

    return draw


def _by_noise(logits, noise):
    return jnp.argmax(logits + noise, -1).astype(jnp.int32)


def _sampler(config, draw, noise=False):
    """A unit is CHUNK characters of each of B streams."""
    p, H = fused_weights(config), config.H
    W = p["W"] + p["b"]

    @jax.jit
    def call(h, x, uniforms, key):
        if noise:
            uniforms = jax.random.gumbel(key, (CHUNK, config.B, config.V), config.dtype)

        def step(carry, u):
            h, x = carry
            xw = W[x]
            zr = jax.nn.sigmoid(xw[:, : 2 * H] + h @ p["Uzr"])
            c = jnp.tanh(xw[:, 2 * H :] + (zr[:, H:] * h) @ p["Uh"])
            h = zr[:, :H] * h + (1 - zr[:, :H]) * c
            x = draw(h @ p["Wy"] + p["by"], u)
            return (h, x), x

        return jax.lax.scan(step, (h, x), uniforms)

    uniforms = jnp.asarray(workload.uniforms(CHUNK, config.B).astype(config.dtype))
    state = (jnp.zeros((config.B, H), config.dtype), jnp.zeros(config.B, jnp.int32))
    key = jax.random.key(0)

    def step():
        nonlocal state
        state, drawn = call(*state, uniforms, key)
        return np.asarray(drawn)

    def run(n):
        for _ in range(n):
            step()

    drawn = step()[:32, 0].tolist()
    return run, {"units": CHUNK * config.B} | ({} if noise else {"drawn": drawn})


def cumsum(config):
    """By jnp.cumsum."""
    return _sampler(config, _by_sums(lambda p: jnp.cumsum(p, -1)))


def triangle(config):
    """By a product with a triangle of ones."""
    ones = jnp.triu(jnp.ones((config.V, config.V), config.dtype))
    return _sampler(config, _by_sums(lambda p: p @ ones))


def gumbel(config):
    """The largest of the logits with noise."""
    return _sampler(config, _by_noise, noise=True)
