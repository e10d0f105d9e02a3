# SPDX-License-Identifier: MIT
"""gru_ext.h in all versions of C and C++ since C99 and C++11, without a warning."""

import shutil
import subprocess
import sysconfig

import pytest

import gru_ext

pytestmark = pytest.mark.skipif(
    not (shutil.which("gcc") and shutil.which("g++")), reason="needs gcc and g++"
)
ORDERS = {
    "alone": "#include <gru_ext.h>",
    "after Python": "#include <Python.h>\n#include <gru_ext.h>",
    "before Python": "#include <gru_ext.h>\n#include <Python.h>",
    "twice": "#include <stdio.h>\n#include <gru_ext.h>\n#include <gru_ext.h>",
}
USE = """
typedef char settings_have_96_bytes[sizeof(gru_settings) == 96 ? 1 : -1];
typedef char table_has_only_pointers[
    (sizeof(gru_api) - 2 * sizeof(int64_t)) % sizeof(void *) == 0 ? 1 : -1];
extern int use(PyObject *path, float *state, float *scratch, ptrdiff_t size);
int use(PyObject *path, float *state, float *scratch, ptrdiff_t size)
{
    const gru_api *gru = gru_import();
    gru_model *model = gru ? gru->model_open(path) : NULL;
    gru_settings settings = {sizeof(gru_settings), GRU_OPTIMIZER_ADAM, 0.1, 0.9, 0.999, 5, 1,
                             1e-8, 0, 0, 0, 1};
    int status = model ? gru->step_f32(model, 0, state, scratch, size) : GRU_NULL;
    if (gru && status == GRU_OK) status = gru->model_settings(model, &settings);
    if (gru) gru->model_free(model);
    return status;
}
"""


def standards(compiler, names, language):
    """Those of the standards that the compiler knows."""
    if not shutil.which(compiler):
        return []
    command = [compiler, "-x", language, "-fsyntax-only", "/dev/null"]
    return [
        (compiler, name, language)
        for name in names
        if subprocess.run([*command, f"-std={name}"], capture_output=True).returncode == 0
    ]


STANDARDS = standards("gcc", ("c99", "c11", "c17", "c2x"), "c") + standards(
    "g++", ("c++11", "c++14", "c++17", "c++20", "c++23"), "c++"
)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("compiler", "standard", "language"), STANDARDS)
def test_header(compiler, standard, language, order):
    warnings = ["-Wall", "-Wextra", "-Werror", "-pedantic", "-Wstrict-prototypes"]
    if language == "c++":
        warnings.pop()
    python = ("-isystem", sysconfig.get_paths()["include"])
    command = [compiler, f"-std={standard}", *warnings, "-x", language, "-fsyntax-only", "-"]

    def compiled(source):
        return subprocess.run(
            [*command, "-I", gru_ext.get_include(), *python],
            input=source,
            capture_output=True,
            text=True,
        )

    if compiled("#include <Python.h>\n").returncode:
        pytest.skip(f"this Python's own header needs more of {standard} than {compiler} has")
    done = compiled(ORDERS[order] + USE)
    assert done.returncode == 0, done.stderr
