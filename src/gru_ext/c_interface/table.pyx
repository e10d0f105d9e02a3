# SPDX-License-Identifier: MIT
"""The table of functions for C, in the order of include/gru_ext.h: ``gru_ext.capi._API``."""
from cpython.pycapsule cimport PyCapsule_New
from libc.stdint cimport int64_t

from gru_ext.capi cimport (
    GRU_API_VERSION,
    gru_adagrad_f32,
    gru_adagrad_f64,
    gru_backward_f32,
    gru_backward_f64,
    gru_batch_scratch_size,
    gru_cost_f32,
    gru_cost_f64,
    gru_cost_of_f32,
    gru_cost_of_f64,
    gru_decode,
    gru_draw_f32,
    gru_draw_f64,
    gru_draw_of_f32,
    gru_draw_of_f64,
    gru_encode,
    gru_flat_size,
    gru_forward_f32,
    gru_forward_f64,
    gru_forward_window_f32,
    gru_forward_window_f64,
    gru_isa_name,
    gru_log_probabilities_f32,
    gru_log_probabilities_f64,
    gru_log_probabilities_of_f32,
    gru_log_probabilities_of_f64,
    gru_logits_batch_f32,
    gru_logits_batch_f64,
    gru_logits_f32,
    gru_logits_f64,
    gru_mark_resets,
    gru_model_borrow,
    gru_model_characters,
    gru_model_free,
    gru_model_get,
    gru_model_isa,
    gru_model_object,
    gru_model_open,
    gru_model_resume,
    gru_model_separator,
    gru_model_settings,
    gru_model_training,
    gru_model_use_isa,
    gru_model_wrap_f32,
    gru_model_wrap_f64,
    gru_model_wrap_layers_f32,
    gru_model_wrap_layers_f64,
    gru_read_window_f32,
    gru_read_window_f64,
    gru_sample_f32,
    gru_sample_f64,
    gru_status_name,
    gru_step_batch_f32,
    gru_step_batch_f64,
    gru_step_f32,
    gru_step_f64,
    gru_train_step_f32,
    gru_train_step_f64,
    gru_train_text,
    gru_train_window_f32,
    gru_train_window_f64,
    gru_update_f32,
    gru_update_f64,
    gru_workspace_bytes,
    gru_workspace_bytes_for,
    gru_workspace_init,
    gru_workspace_init_for,
    gru_workspace_losses,
    gru_workspace_probabilities,
    gru_workspace_state,
    gru_workspace_states,
)

cdef enum:
    FUNCTIONS = 70

cdef struct Table:
    int64_t version
    int64_t count
    void *functions[FUNCTIONS]

cdef Table _table
_table.version, _table.count = GRU_API_VERSION, FUNCTIONS
_table.functions[0] = <void *>gru_model_borrow
_table.functions[1] = <void *>gru_model_wrap_f32
_table.functions[2] = <void *>gru_model_wrap_f64
_table.functions[3] = <void *>gru_model_free
_table.functions[4] = <void *>gru_model_get
_table.functions[5] = <void *>gru_model_isa
_table.functions[6] = <void *>gru_step_f32
_table.functions[7] = <void *>gru_step_f64
_table.functions[8] = <void *>gru_logits_f32
_table.functions[9] = <void *>gru_logits_f64
_table.functions[10] = <void *>gru_log_probabilities_f32
_table.functions[11] = <void *>gru_log_probabilities_f64
_table.functions[12] = <void *>gru_cost_f32
_table.functions[13] = <void *>gru_cost_f64
_table.functions[14] = <void *>gru_draw_f32
_table.functions[15] = <void *>gru_draw_f64
_table.functions[16] = <void *>gru_workspace_bytes
_table.functions[17] = <void *>gru_workspace_init
_table.functions[18] = <void *>gru_workspace_state
_table.functions[19] = <void *>gru_forward_f32
_table.functions[20] = <void *>gru_forward_f64
_table.functions[21] = <void *>gru_backward_f32
_table.functions[22] = <void *>gru_backward_f64
_table.functions[23] = <void *>gru_adagrad_f32
_table.functions[24] = <void *>gru_adagrad_f64
_table.functions[25] = <void *>gru_train_step_f32
_table.functions[26] = <void *>gru_train_step_f64
_table.functions[27] = <void *>gru_model_wrap_layers_f32
_table.functions[28] = <void *>gru_model_wrap_layers_f64
_table.functions[29] = <void *>gru_flat_size
_table.functions[30] = <void *>gru_workspace_bytes_for
_table.functions[31] = <void *>gru_workspace_init_for
_table.functions[32] = <void *>gru_forward_window_f32
_table.functions[33] = <void *>gru_forward_window_f64
_table.functions[34] = <void *>gru_update_f32
_table.functions[35] = <void *>gru_update_f64
_table.functions[36] = <void *>gru_train_window_f32
_table.functions[37] = <void *>gru_train_window_f64
_table.functions[38] = <void *>gru_batch_scratch_size
_table.functions[39] = <void *>gru_step_batch_f32
_table.functions[40] = <void *>gru_step_batch_f64
_table.functions[41] = <void *>gru_logits_batch_f32
_table.functions[42] = <void *>gru_logits_batch_f64
_table.functions[43] = <void *>gru_log_probabilities_of_f32
_table.functions[44] = <void *>gru_log_probabilities_of_f64
_table.functions[45] = <void *>gru_cost_of_f32
_table.functions[46] = <void *>gru_cost_of_f64
_table.functions[47] = <void *>gru_draw_of_f32
_table.functions[48] = <void *>gru_draw_of_f64
_table.functions[49] = <void *>gru_workspace_states
_table.functions[50] = <void *>gru_workspace_probabilities
_table.functions[51] = <void *>gru_workspace_losses
_table.functions[52] = <void *>gru_read_window_f32
_table.functions[53] = <void *>gru_read_window_f64
_table.functions[54] = <void *>gru_model_open
_table.functions[55] = <void *>gru_model_resume
_table.functions[56] = <void *>gru_model_object
_table.functions[57] = <void *>gru_encode
_table.functions[58] = <void *>gru_decode
_table.functions[59] = <void *>gru_mark_resets
_table.functions[60] = <void *>gru_model_characters
_table.functions[61] = <void *>gru_model_separator
_table.functions[62] = <void *>gru_model_settings
_table.functions[63] = <void *>gru_model_training
_table.functions[64] = <void *>gru_status_name
_table.functions[65] = <void *>gru_sample_f32
_table.functions[66] = <void *>gru_sample_f64
_table.functions[67] = <void *>gru_train_text
_table.functions[68] = <void *>gru_model_use_isa
_table.functions[69] = <void *>gru_isa_name

API = PyCapsule_New(&_table, "gru_ext.capi._API", NULL)
