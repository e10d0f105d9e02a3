# SPDX-License-Identifier: MIT
"""Drawing characters in JAX: a compiled scan, with three ways to draw."""

import jax
import jax.numpy as jnp
import numpy as np

from bench import problem
from bench.contestants.jax_train import fused_weights

CHUNK = 1000


def _by_sums(sums_of):
    def draw(logits, u):
        p = jnp.exp(logits - logits.max(-1, keepdims=True))
        sums = sums_of(p)
        return jnp.sum(sums <= u[:, None] * sums[:, -1:], -1, dtype=jnp.int32)

    return draw


def _by_noise(logits, noise):
    return jnp.argmax(logits + noise, -1).astype(jnp.int32)


def _sampler(job, draw, noise=False):
    """A unit is CHUNK characters of each of B streams."""
    p, H = fused_weights(job), job.H
    W = p["W"] + p["b"]

    @jax.jit
    def call(h, x, uniforms, key):
        if noise:
            uniforms = jax.random.gumbel(key, (CHUNK, job.B, job.V), job.dtype)

        def step(carry, u):
            h, x = carry
            xw = W[x]
            zr = jax.nn.sigmoid(xw[:, : 2 * H] + h @ p["Uzr"])
            c = jnp.tanh(xw[:, 2 * H :] + (zr[:, H:] * h) @ p["Uh"])
            h = zr[:, :H] * h + (1 - zr[:, :H]) * c
            x = draw(h @ p["Wy"] + p["by"], u)
            return (h, x), x

        return jax.lax.scan(step, (h, x), uniforms)

    uniforms = jnp.asarray(problem.uniforms(CHUNK, job.B).astype(job.dtype))
    state = (jnp.zeros((job.B, H), job.dtype), jnp.zeros(job.B, jnp.int32))
    key = jax.random.key(0)

    def step():
        nonlocal state
        state, drawn = call(*state, uniforms, key)
        return np.asarray(drawn)

    def run(n):
        for _ in range(n):
            step()

    drawn = step()[:32, 0].tolist()
    return run, {"units": CHUNK * job.B} | ({} if noise else {"drawn": drawn})


def cumsum(job):
    """By jnp.cumsum."""
    return _sampler(job, _by_sums(lambda p: jnp.cumsum(p, -1)))


def triangle(job):
    """By a product with a triangle of ones."""
    ones = jnp.triu(jnp.ones((job.V, job.V), job.dtype))
    return _sampler(job, _by_sums(lambda p: p @ ones))


def gumbel(job):
    """The largest of the logits with noise."""
    return _sampler(job, _by_noise, noise=True)
