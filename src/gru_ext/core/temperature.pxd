# SPDX-License-Identifier: MIT
"""The temperature: the factor of the logits, and what counts as 0."""


cdef inline bint is_cold(double temperature) noexcept nogil:
    # Whether the most likely symbol is chosen, because the logits would overflow.
    return temperature <= 1e-6


cdef inline double inverse_temperature(double temperature) noexcept nogil:
    return 1e6 if is_cold(temperature) else 1 / temperature
