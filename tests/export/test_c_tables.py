# SPDX-License-Identifier: MIT
"""Tables of numbers in C are exact; int8 weights; programs that are compiled."""

import c_programs
import numpy as np
import pytest
from c_programs import compiled

from gru_ext.core.packing import to_int8
from gru_ext.export import c_compiler, c_tables

pytestmark = c_programs.REQUIRED

FLOATS = [0, 1, -1, 0.1, -1 / 3, 2**-126, 2**-149, -(2**-130), 3.4028235e38, 16777217, 1e-20]
WRITE = """
#include <stdio.h>
int main(void)
{
    FILE *out = fopen("out", "wb");
    return out == NULL || fwrite(t, sizeof(t), 1, out) != 1 || fclose(out) != 0;
}
"""


@pytest.mark.parametrize(
    "values",
    [
        np.array(FLOATS, np.float32),
        np.random.default_rng(0).normal(size=(5, 12)).astype(np.float32),
        np.random.default_rng(0).normal(size=(9, 7)).astype(np.float32).T,
        np.arange(-127, 128).astype(np.int8),
        np.array([0, 2**32 - 1, 7], np.uint32),
    ],
)
def test_tables_are_exact(values):
    source = c_tables.table("t", values, "values")
    program = compiled(f"#include <stdint.h>\n{source}{WRITE}")
    program.run()
    assert (program.folder / "out").read_bytes() == values.tobytes()


def test_rounding_to_int8():
    weights = np.random.default_rng(0).normal(size=(7, 50)).astype(np.float32)
    weights[3] = 0
    weights[4, 5] = -40
    values, scales = to_int8(weights)
    np.testing.assert_allclose(scales * 127, np.abs(weights).max(axis=1), rtol=1e-6)
    assert (np.abs(values).max(axis=1) == [127, 127, 127, 0, 127, 127, 127]).all()
    error = np.abs(to_int8(weights).widened() - weights)
    assert (error <= scales[:, None] * 0.5001).all()
    assert (error.max(axis=1)[scales > 0] > scales[scales > 0] * 0.4).all()


def test_compiled_programs_leave_nothing():
    program = compiled("int main(void) { return 0; }\n")
    folder = program.folder
    assert folder.exists()
    del program
    assert not folder.exists()
    with pytest.raises(OSError, match=r"could not compile a program: (?s:.)*nothing"):
        c_compiler.Program("int main(void) { return nothing; }\n", c_compiler.compiler())
