# SPDX-License-Identifier: MIT
"""The caller's settings of a training step: copied, checked, and taken apart."""
from libc.float cimport DBL_MIN, FLT_MIN
from libc.math cimport isfinite
from libc.string cimport memcpy, memset

from gru_ext.c_interface.handle cimport FIRST_SETTINGS_SIZE
from gru_ext.c_interface.workspace cimport Regularisation
from gru_ext.capi cimport (
    GRU_BAD_NUMBER,
    GRU_BAD_SIZE,
    GRU_OK,
    GRU_OPTIMIZER_ADAGRAD,
    GRU_OPTIMIZER_ADAM,
    GRU_OPTIMIZER_RMSPROP,
    gru_settings,
)
from gru_ext.core.native cimport GRU_ADAGRAD, GRU_ADAM, GRU_RMSPROP, gru_dropout_key, real
from gru_ext.core.updates cimport UpdateRule

cdef inline bint has_mean(const gru_settings *s) noexcept nogil:
    return s.optimizer == GRU_OPTIMIZER_ADAM


cdef inline bint _in_range(const gru_settings *s, real *unused) noexcept nogil:
    # Numbers of the kernels' dtype, in which subnormals count as zero.
    cdef real smallest = FLT_MIN if real is float else DBL_MIN
    if not (s.optimizer == GRU_OPTIMIZER_ADAGRAD or s.optimizer == GRU_OPTIMIZER_RMSPROP
            or s.optimizer == GRU_OPTIMIZER_ADAM):
        return False
    if not (isfinite(<real>s.learning_rate) and isfinite(<real>s.eps)
            and <real>s.eps >= smallest):
        return False
    if not (s.clip > 0 and s.clip_norm > 0 and 0 <= s.beta1 < 1 and 0 <= s.beta2 < 1):
        return False
    if s.weight_decay != 0 and not (has_mean(s) and s.weight_decay > 0
                                    and s.weight_decay * s.learning_rate <= 1):
        return False
    return 0 <= s.dropout < 1 and s.step >= 1


cdef inline int copy_settings(const gru_settings *settings, gru_settings *copied,
                              real *unused) noexcept nogil:
    # A field that the caller was compiled without is 0.
    memset(copied, 0, sizeof(gru_settings))
    if not FIRST_SETTINGS_SIZE <= settings.size <= <Py_ssize_t>sizeof(gru_settings):
        return GRU_BAD_SIZE
    memcpy(copied, settings, settings.size)
    return GRU_OK if _in_range(copied, unused) else GRU_BAD_NUMBER


cdef inline UpdateRule rule_of(const gru_settings *s) noexcept nogil:
    cdef UpdateRule rule = UpdateRule(GRU_ADAGRAD, s.beta1, s.beta2, s.clip, s.eps, s.weight_decay)
    if s.optimizer == GRU_OPTIMIZER_RMSPROP:
        rule.kind = GRU_RMSPROP
    if s.optimizer == GRU_OPTIMIZER_ADAM:
        rule.kind = GRU_ADAM
    return rule


cdef inline Regularisation dropout_of(const gru_settings *s,
                                      const unsigned char *resets) noexcept nogil:
    return Regularisation(resets, s.dropout, gru_dropout_key(s.seed, s.step))
