"""Debian 11's Python for a worker: what `--worker-python` is told."""

from __future__ import annotations

import shlex
from pathlib import Path

from tests.debian.root import BULLSEYE, made, pip

# The last for Python 3.9. pip would bring a newer numpy than Debian 11 has, and it works with that.
RUNTIME = "1.19.2"
_START = """#!/bin/sh
# The Debian in {root}, without entering it: its loader, its libraries, its Python.
PYTHONHOME={root}/usr exec {loader} --library-path {libraries} {root}/usr/bin/python3.9 "$@"
"""


def worker_python() -> Path:
    """A program that is that Python, made together with its Debian and ONNX Runtime."""
    root = made(BULLSEYE)
    packages = root / "usr/local/lib/python3.9/dist-packages"
    if not (packages / "onnxruntime").exists():
        pip("install", BULLSEYE, "--no-deps", "--target", packages, f"onnxruntime=={RUNTIME}")
    (loader,) = root.glob("lib/x86_64-linux-gnu/ld-[0-9]*.so")
    folders = [root / each / "x86_64-linux-gnu" for each in ("lib", "usr/lib")]
    # In a root they are found through links to paths of the root.
    folders += [folders[-1] / each for each in ("blas", "lapack")]
    program = root.with_name("python3.9")
    words = {"root": str(root), "loader": str(loader), "libraries": ":".join(map(str, folders))}
    program.write_text(_START.format_map({name: shlex.quote(text) for name, text in words.items()}))
    program.chmod(0o755)
    return program
