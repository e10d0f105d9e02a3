# SPDX-License-Identifier: MIT
"""Sampling in JAX: a compiled scan, with three methods to draw a character."""

import jax
import jax.numpy as jnp
import numpy as np

from bench import workload
from bench.implementations.jax_train import fused_initial_weights

CHUNK = 1000


def _inverse_cdf(cumulative_sum):
    def draw(logits, u):
        p = jnp.exp(logits - logits.max(-1, keepdims=True))
        sums = cumulative_sum(p)
        return jnp.sum(sums <= u[:, None] * sums[:, -1:], -1, dtype=jnp.int32)

    return draw


def _gumbel_max(logits, noise):
    return jnp.argmax(logits + noise, -1).astype(jnp.int32)


def _sampler(config, draw, gumbel_noise=False):
    """One unit is CHUNK characters for each of B streams."""
    p, H = fused_initial_weights(config), config.H
    W = p["W"] + p["b"]

    @jax.jit
    def call(h, x, uniforms, key):
        if gumbel_noise:
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

    def sample_chunk():
        nonlocal state
        state, symbols = call(*state, uniforms, key)
        return np.asarray(symbols)

    def run(n):
        for _ in range(n):
            sample_chunk()

    sampled = sample_chunk()[:32, 0].tolist()
    return run, {"units": CHUNK * config.B} | ({} if gumbel_noise else {"sampled": sampled})


def cumsum(config):
    """Inverse CDF by jnp.cumsum."""
    return _sampler(config, _inverse_cdf(lambda p: jnp.cumsum(p, -1)))


def triangle(config):
    """Inverse CDF by a product with a triangular matrix of ones."""
    ones = jnp.triu(jnp.ones((config.V, config.V), config.dtype))
    return _sampler(config, _inverse_cdf(lambda p: p @ ones))


def gumbel(config):
    """Argmax of the logits with Gumbel noise."""
    return _sampler(config, _gumbel_max, gumbel_noise=True)
