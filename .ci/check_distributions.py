# SPDX-License-Identifier: MIT
"""What must be in an sdist and its wheels, and what must not.

python .ci/check_distributions.py SDIST WHEEL [WHEEL ...]

The first wheel may be followed by others that must hold the same files, to the byte.
"""

import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from pathlib import PurePosixPath

LARGEST_WHEEL = 2_000_000
IN_SDIST = {"pyproject.toml", "setup.py", "README.md", "LICENSE", "CHANGELOG.md", "PKG-INFO"}
TREES_IN_SDIST = (
    *("csrc/", "src/", "tests/", "docs/", "examples/", "bench/", "tools/", "website/"),
)
IN_WHEEL = {f"gru_ext/{name}" for name in ("__init__.pxd", "capi.pxd", "capi_fused.pxd")}
IN_WHEEL |= {"gru_ext/include/gru_ext.h"}
IN_WHEEL |= {"gru_ext/py.typed", "gru_ext/core/kernels.pyi"}
IN_WHEEL |= {"gru_ext/report/page/report.html.jinja", "gru_ext/report/page/start.js"}
IN_WHEEL |= {"gru_ext/serve/page/serve.html", "gru_ext/serve/page/start.js"}
MODULES = {
    "capi",
    *(
        f"c_interface/{name}"
        for name in (
            "batch",
            "handle",
            "logits",
            "one_stream",
            "sampling",
            "table",
            "text",
            "training",
            "windows",
            "workspace",
        )
    ),
    *(
        f"core/{name}"
        for name in (
            "_cython",
            "baseline",
            "bfloat16",
            "bptt",
            "classic",
            "gradients",
            "kernels",
            "matmul",
            "narrow",
            "products",
            "reading",
            "sampler",
            "sampling_loop",
            "stream",
            "stream_group",
            "stream_reader",
            "stream_state",
            "training_loop",
            "training_step",
            "windows",
        )
    ),
}
KINDS_IN_WHEEL = {".py", ".pyi", ".pxd", ".h", ".so", ".pyd", ".jinja", ".html", ".css", ".js"}
EXTRAS = {
    *("blas", "completion", "interactive", "plot", "report", "tensorboard", "tune"),
    *("export", "jax", "keras", "mpi", "onnx", "safetensors", "torch"),
}


def check_sdist(path: str) -> None:
    with tarfile.open(path) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    tracked = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=True)
    wanted = {name for name in tracked.stdout.split() if name.startswith(TREES_IN_SDIST)}
    missing = (wanted | IN_SDIST) - inside
    assert not missing, f"not in the sdist: {sorted(missing)}"
    extra = {name for name in inside - wanted if name.startswith(TREES_IN_SDIST)}
    extra = {name for name in extra if PurePosixPath(name).suffix and ".egg-info" not in name}
    assert not extra, f"in the sdist, but not in the repository: {sorted(extra)}"


def contents(path: str) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def check_wheel(path: str, inside: dict[str, bytes]) -> None:
    missing = IN_WHEEL - inside.keys()
    assert not missing, f"not in the wheel: {sorted(missing)}"
    (manual,) = (name for name in inside if name.endswith(".data/data/share/man/man1/gru-ext.1"))
    assert rb"\-\-hidden\-size" in inside[manual], "the man page lacks the options of train"
    ours = {name for name in inside if ".dist-info/" not in name} - {manual}
    odd = {name for name in ours if not name.startswith("gru_ext/")}
    kinds = KINDS_IN_WHEEL | {".typed"}
    odd |= {n for n in ours if PurePosixPath(n).suffix not in kinds and "/c_template/" not in n}
    assert not odd, f"in the wheel, but should not be: {sorted(odd)}"
    compiled = {n.removeprefix("gru_ext/") for n in ours if n.endswith((".so", ".pyd"))}
    compiled = {name.partition(".")[0] for name in compiled}
    assert compiled == MODULES, f"compiled modules: {sorted(compiled)}"
    (metadata,) = (v for name, v in inside.items() if name.endswith(".dist-info/METADATA"))
    told = message_from_bytes(metadata)
    assert set(told.get_all("Provides-Extra")) == EXTRAS
    needed = [need for need in told.get_all("Requires-Dist") if "extra ==" not in need]
    assert {need.partition(">")[0] for need in needed} == {"numpy", "tqdm"}, needed
    assert any(name.endswith("/licenses/LICENSE") for name in inside)
    with zipfile.ZipFile(path) as archive:
        size = sum(item.compress_size for item in archive.infolist())
    assert size < LARGEST_WHEEL, f"{path} has {size} bytes"
    print(f"{path.rpartition('/')[2]}: {len(inside)} files, {size:,} bytes compressed")


def main(sdist: str, *wheels: str) -> None:
    check_sdist(sdist)
    first = contents(wheels[0])
    for path in wheels:
        inside = contents(path)
        check_wheel(path, inside)
        differ = {n for n in first.keys() | inside.keys() if first.get(n) != inside.get(n)}
        assert not differ, f"{path} differs from {wheels[0]} in {sorted(differ)}"


if __name__ == "__main__":
    main(*sys.argv[1:])
