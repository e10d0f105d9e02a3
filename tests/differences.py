# SPDX-License-Identifier: MIT
"""Numerical gradients."""

import numpy as np


def central_differences(loss, view, step=2e-3):
    """The gradient of loss() with respect to view, by differences of fourth order, error 1e-11."""

    def difference(index):
        value, losses = view[index], []
        for multiple in (-2, -1, 1, 2):
            view[index] = value + multiple * step
            losses.append(loss())
        view[index] = value
        return (losses[0] - 8 * losses[1] + 8 * losses[2] - losses[3]) / (12 * step)

    return np.reshape([difference(i) for i in np.ndindex(view.shape)], view.shape)
