"""What TensorRT's Python bindings have: `python tensorrt_names.py VERSION SO`, for tensorrt_names.json.

It is run by the Python that the bindings are for. TensorRT's own libraries, which are large, are not needed: others
take their place, and nothing in them is called. The file was made from these wheels, each unzipped, by

    pip download --no-deps --only-binary=:all: --python-version 3.10 tensorrt-bindings==8.6.1

nvidia-tensorrt 8.4.1.5 (Python 3.8), tensorrt-bindings 8.6.1 and tensorrt-cu12-bindings 10.3.0 (3.10),
tensorrt-cu12-bindings 10.16.1.11, tensorrt-cu13-bindings 11.4.0.106 and tensorrt-rtx-cu13-bindings 1.7.1.116 (3.12).
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

# What a worker may touch. Of an enum the members have their numbers.
KEPT = (
    *("Builder", "BuilderFlag", "DataType", "DeviceType", "IBuilderConfig", "ICudaEngine", "IExecutionContext"),
    *("IHostMemory", "ILogger", "INetworkDefinition", "IProfiler", "MemoryPoolType", "NetworkDefinitionCreationFlag"),
    *("OnnxParser", "ParserError", "Runtime", "TensorIOMode", "TensorLocation"),
    # Of TensorRT for RTX.
    *("ComputeCapability", "DynamicShapesKernelSpecializationStrategy", "IRuntimeCache", "IRuntimeConfig"),
)


def stand_ins(bindings: str) -> str:
    """A folder with a library for each that is missing, in which is all that the bindings want."""
    folder = tempfile.mkdtemp()
    listed = subprocess.check_output(["ldd", bindings], text=True).splitlines()
    wanted = subprocess.check_output(["nm", "-D", "--undefined-only", bindings], text=True).splitlines()
    symbols = {line.split()[-1] for line in wanted if line.split()[0] == "U"}
    ours = sorted(each for each in symbols if "@" not in each and not each.startswith(("Py", "_Py")))
    source = "".join(f"void *{each}(void) {{ return 0; }}\n" for each in ours)
    for name in (line.split()[0] for line in listed if "not found" in line):
        command = ["cc", "-w", "-shared", "-fPIC", f"-Wl,-soname,{name}", "-x", "c", "-", "-o", f"{folder}/{name}"]
        subprocess.run(command, input=source, text=True, check=True)
    return folder


def names(module: Any) -> dict[str, Any]:
    """By class what it has; the module's own are those of the empty name."""
    found: dict[str, Any] = {"": sorted(each for each in vars(module) if not each.startswith("_"))}
    for kept in KEPT:
        kind: Any = getattr(module, kept, None)
        if kind is not None and hasattr(kind, "__members__"):
            found[kept] = {name: int(member) for name, member in kind.__members__.items()}
        elif kind is not None:
            found[kept] = sorted(each for each in dir(kind) if not each.startswith("_"))
    return found


def main(version: str, bindings: str) -> None:
    """Print the line."""
    if "STANDING_IN" not in os.environ:
        environment = {**os.environ, "LD_LIBRARY_PATH": stand_ins(bindings), "STANDING_IN": "1"}
        os.execve(sys.executable, [sys.executable, *sys.argv], environment)
    name = Path(bindings).stem
    loader = importlib.machinery.ExtensionFileLoader(name, bindings)
    spec = importlib.util.spec_from_loader(name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    print(json.dumps({version: names(module)}))


if __name__ == "__main__":
    main(sys.argv[1], str(Path(sys.argv[2]).resolve()))
