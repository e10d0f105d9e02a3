# SPDX-License-Identifier: MIT
"""Batched training in NumPy: fused gates, no one-hot matrices, in-place operations."""

import numpy as np

from bench import workload

BLOCK = 1 << 15


def _sigmoid(a):
    np.negative(a, out=a)
    np.exp(a, out=a)
    a += 1
    np.reciprocal(a, out=a)


class Network:
    """Weights and Adagrad state in flat buffers, and the activations of one window."""

    def __init__(self, config):
        H, T, B, V = config.H, config.T, config.B, config.V
        initial = workload.fused_initial_weights(V, H, config.dtype)
        size = sum(array.size for array in initial.values())
        self.flat, self.gradients, self.adagrad_state = np.zeros((3, size), config.dtype)
        self.p, self.g, offset = {}, {}, 0
        for name, array in initial.items():
            part = slice(offset, offset := offset + array.size)
            self.p[name] = self.flat[part].reshape(array.shape)
            self.g[name] = self.gradients[part].reshape(array.shape)
            self.p[name][...] = array
        self.adagrad_state_w = self.adagrad_state[: initial["W"].size].reshape(initial["W"].shape)
        self.dense = slice(initial["W"].size, None)
        self.scratch = np.empty(BLOCK, config.dtype)

        def empty(*shape):
            return np.empty(shape, config.dtype)

        self.H, self.B, self.rows = H, B, np.arange(T * B)
        self.xw, self.d = empty(T, B, 3 * H), empty(T, B, 3 * H)
        self.zr, self.c, self.rh = empty(T, B, 2 * H), empty(T, B, H), empty(T, B, H)
        self.h = np.zeros((T + 1, B, H), config.dtype)
        self.y, self.dh_out = empty(T * B, V), empty(T, B, H)

    def step(self, x, y):
        """One training step on inputs and targets (T, B); returns the summed loss."""
        self.h[0] = self.h[-1]
        self._forward(x)
        loss = self._output(y)
        self._backward()
        self._update(x)
        return loss

    def _forward(self, x):
        p, H, h = self.p, self.H, self.h
        np.take(p["W"], x, axis=0, out=self.xw)
        self.xw += p["b"]
        for t in range(len(x)):
            zr, rh, c = self.zr[t], self.rh[t], self.c[t]
            np.matmul(h[t], p["Uzr"], out=zr)
            zr += self.xw[t, :, : 2 * H]
            _sigmoid(zr)
            np.multiply(zr[:, H:], h[t], out=rh)
            np.matmul(rh, p["Uh"], out=c)
            c += self.xw[t, :, 2 * H :]
            np.tanh(c, out=c)
            np.subtract(h[t], c, out=h[t + 1])
            h[t + 1] *= zr[:, :H]
            h[t + 1] += c

    def _output(self, targets):
        p, y, targets = self.p, self.y, targets.reshape(-1)
        states = self.h[1:].reshape(-1, self.H)
        np.matmul(states, p["Wy"], out=y)
        y += p["by"]
        y -= y.max(axis=1, keepdims=True)
        at_targets = y[self.rows, targets]
        np.exp(y, out=y)
        sums = y.sum(axis=1, keepdims=True)
        loss = float(np.log(sums).sum() - at_targets.sum())
        y /= sums
        y[self.rows, targets] -= 1
        y *= 1 / self.B
        np.matmul(states.T, y, out=self.g["Wy"])
        y.sum(axis=0, out=self.g["by"])
        np.matmul(y, p["Wy"].T, out=self.dh_out.reshape(-1, self.H))
        return loss

    def _backward(self):
        H, dh = self.H, 0
        UzrT, UhT = self.p["Uzr"].T, self.p["Uh"].T
        for t in reversed(range(len(self.c))):
            h, c, z, r = self.h[t], self.c[t], self.zr[t, :, :H], self.zr[t, :, H:]
            dz, dr, dc = self.d[t, :, :H], self.d[t, :, H : 2 * H], self.d[t, :, 2 * H :]
            dh = self.dh_out[t] + dh
            np.multiply(c, c, out=dc)
            np.subtract(1, dc, out=dc)
            dc *= 1 - z
            dc *= dh
            drh = dc @ UhT
            np.subtract(h, c, out=dz)
            dz *= dh
            np.multiply(drh, h, out=dr)
            gates = self.d[t, :, : 2 * H]
            gates *= self.zr[t]
            gates *= 1 - self.zr[t]
            dh *= z
            drh *= r
            dh += drh
            dh += gates @ UzrT

    def _update(self, x):
        H, g = self.H, self.g
        d = self.d.reshape(-1, 3 * H)
        np.matmul(self.h[:-1].reshape(-1, H).T, d[:, : 2 * H], out=g["Uzr"])
        np.matmul(self.rh.reshape(-1, H).T, d[:, 2 * H :], out=g["Uh"])
        d.sum(axis=0, out=g["b"])
        order = np.argsort(x, axis=None, kind="stable")
        used, starts = np.unique(x.reshape(-1)[order], return_index=True)
        gw = np.add.reduceat(d[order], starts, axis=0)
        mw, pw = self.adagrad_state_w[used], self.p["W"][used]
        self._adagrad(pw.reshape(-1), mw.reshape(-1), gw.reshape(-1))
        self.adagrad_state_w[used], self.p["W"][used] = mw, pw
        self._adagrad(
            self.flat[self.dense], self.adagrad_state[self.dense], self.gradients[self.dense]
        )

    def _adagrad(self, p, m, g):
        for start in range(0, len(p), BLOCK):
            part = slice(start, start + BLOCK)
            gb, mb = g[part], m[part]
            s = self.scratch[: len(gb)]
            np.clip(gb, -workload.CLIP, workload.CLIP, out=gb)
            np.multiply(gb, gb, out=s)
            mb += s
            np.add(mb, workload.EPS, out=s)
            np.sqrt(s, out=s)
            np.divide(gb, s, out=s)
            s *= workload.LEARNING_RATE
            p[part] -= s


def train(config):
    """One unit is one training step on T * B characters."""
    network = Network(config)
    symbols, _ = workload.read_text(config.text)
    x, y = workload.windows(symbols, config.T, config.B)
    steps = 0

    def step():
        nonlocal steps
        i = steps % len(x)
        if i == 0:
            network.h[-1] = 0
        steps += 1
        return network.step(x[i], y[i])

    def run(n):
        for _ in range(n):
            step()

    losses = [step() / (config.T * config.B) for _ in range(2)]
    return run, {"units": config.T * config.B, "losses": losses}
