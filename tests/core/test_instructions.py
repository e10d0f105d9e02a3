# SPDX-License-Identifier: MIT
"""Modules for x86-64 contain only SSE2 instructions, except in the AVX2 and AVX-512 kernels.

So wheels run on any x86-64 processor; the kernels are chosen at run time.
"""

import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import gru_ext
from gru_ext.core import kernels

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux")
    or platform.machine() != "x86_64"
    or shutil.which("objdump") is None,
    reason="needs Linux on x86-64 and objdump",
)

MODULES = sorted(Path(gru_ext.__file__).parent.rglob("*.so"))

# SSE3 to SSE4.2, POPCNT, BMI and similar; AVX and newer ones begin with v. Not TZCNT: objdump shows
# `rep bsf` as TZCNT, and older processors run it as BSF.
PAST_SSE2 = re.compile(
    r"v(?!er[rw]$)\w+"
    r"|addsubp[sd]|h(add|sub)p[sd]|lddqu|movddup|movs[hl]dup"
    r"|pabs[bwd]|palignr|ph(add|sub)(w|d|sw)|pmaddubsw|pmulhrsw|pshufb|psign[bwd]"
    r"|blendv?p[sd]|dpp[sd]|extractps|insertps|movntdqa|mpsadbw|packusdw|pblend(vb|w)|pcmpeqq"
    r"|pextr[bdq]|pinsr[bdq]|phminposuw|p(max|min)(sb|sd|ud|uw)|pmov[sz]x\w\w|pmuldq|pmulld|ptest"
    r"|rounds?[ps][sd]|pcmpgtq|pcmp[ei]str[im]|crc32\w?|popcnt\w?|lzcnt\w?"
    r"|andn|bextr|bls(i|r|msk)|bzhi|pdep|pext|mulx|rorx|s(ar|hl|hr)x|adcx|adox|movbe\w?"
    r"|aes\w+|pclmul\w+|sha(1|256)\w+"
)


def functions(module):
    """The instructions of each function of a module, by its name."""
    shown = subprocess.run(
        ["objdump", "--disassemble", "--no-show-raw-insn", str(module)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found, lines = {}, []
    for line in shown.splitlines():
        if begin := re.fullmatch(r"[0-9a-f]+ <(.+)>:", line):
            lines = found.setdefault(begin[1], [])
        elif instruction := re.fullmatch(r" *[0-9a-f]+:\t(.+)", line):
            lines.append(instruction[1])
    return found


def mnemonic(line):
    words = line.split()
    return next((w for w in words if w not in ("lock", "rep", "repz", "repnz", "bnd")), "")


@pytest.fixture(scope="module")
def kernels_functions():
    (module,) = (path for path in MODULES if path.name.startswith("kernels."))
    return functions(module)


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name.split(".")[0])
def test_baseline(module):
    found = functions(module)
    assert sum(map(len, found.values())) > (20 if "baseline" in module.name else 1000)
    above = {
        f"{name}: {line}"
        for name, lines in found.items()
        for line in lines
        if not re.search(r"_avx(2|512|512_bf16)\b", name) and PAST_SSE2.fullmatch(mnemonic(line))
    }
    assert above == set()


@pytest.mark.skipif(
    "avx512" in kernels.not_built(), reason="this build has the generic kernels alone"
)
def test_kernels_contain_their_instruction_set_only(kernels_functions):
    wide = {"avx2": r"%ymm\d", "avx512": r"%zmm\d"}
    for isa, register in wide.items():
        lines = [x for name, f in kernels_functions.items() if f"_{isa}" in name for x in f]
        assert sum(bool(re.search(register, line)) for line in lines) > 500, isa
        if isa == "avx2":
            avx512 = re.compile(r"%zmm|%k[0-7]|%[xy]mm(1[6-9]|[23]\d)")
            assert [line for line in lines if avx512.search(line)] == []


def test_pairs_of_bfloat16_are_multiplied_in_their_own_functions_only(kernels_functions):
    users = {n for n, f in kernels_functions.items() if any("vdpbf16ps" in line for line in f)}
    assert all("avx512_bf16" in name for name in users)
    assert users or not any("avx512_bf16" in name for name in kernels_functions)


def test_pattern_of_instructions_past_sse2():
    for name in ("vaddps", "pshufb", "popcnt", "blendvps", "roundss", "mulx", "pmulld", "pcmpgtq"):
        assert PAST_SSE2.fullmatch(name)
    for name in ("addps", "pshufd", "movaps", "cvttps2dq", "tzcnt", "verr", "bsf", "shl"):
        assert not PAST_SSE2.fullmatch(name)
