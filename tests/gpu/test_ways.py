"""Both ways to a real GPU, pycuda and ctypes, each in a process of its own: they do the same."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

from colocate.inference.backends import availability

WAY = """
import sys
import numpy as np
from colocate.worker.backends.bandwidth import _KERNEL
from colocate.worker.cuda.ctypes_gpu import CtypesGpu
from colocate.worker.cuda.graph import captured
from colocate.worker.cuda.pycuda_gpu import PycudaGpu
from colocate.worker.errors import WorkerError

if sys.argv[1] == "pycuda":
    import pycuda
    import pycuda.driver
    gpu = PycudaGpu(0, sys.argv[2], pycuda)
else:
    gpu = CtypesGpu(0, sys.argv[2])
stream = gpu.stream()
sent, found, copied = (gpu.host_array((1 << 16,), np.float32) for _ in range(3))
sent[:] = np.arange(sent.size)
first, second = gpu.memory(sent.nbytes), gpu.memory(sent.nbytes)
free = gpu.free_bytes
calls = [
    stream.copy_in(first, sent), stream.copy_out(found, first),
    stream.launch(gpu.kernel(_KERNEL, "copy"), 16, 256, (first, second, sent.nbytes // 16)),
    stream.copy_out(copied, second),
]
def enqueue():
    for call in calls:
        call()
for launch in (enqueue, captured(gpu.driver, stream.handle, enqueue)):
    found[:] = copied[:] = 0
    stream.time(launch)
    assert (found == sent).all() and (copied == sent).all() and 0 < stream.device_s() < 1
filled = np.ones(4, np.float32)
gpu.fill(first, filled)
stream.time(calls[1])
assert (found[:4] == 1).all() and gpu.host_array((2, 0), np.float32).size == 0 and gpu.memory(0) and free > 0
for failing in (
    lambda: gpu.memory(1 << 45),
    lambda: captured(gpu.driver, stream.handle, stream.wait),
    lambda: gpu.kernel(_KERNEL, "absent"),
):
    try:
        failing()
    except WorkerError as error:
        print(error)
stream.wait()
"""


@pytest.mark.parametrize("wait", ["spin", "block"])
def test_both_ways_do_and_say_the_same(wait: str) -> None:
    missing = availability.look().missing.get("bandwidth")
    if missing is not None:
        pytest.skip(f"no GPU: {missing.reason}")
    if importlib.util.find_spec("pycuda") is None:
        pytest.skip("pycuda is not installed")
    said = []
    for way in ("pycuda", "ctypes"):
        done = subprocess.run([sys.executable, "-c", WAY, way, wait], capture_output=True, text=True, timeout=300)
        assert (done.returncode, done.stderr) == (0, ""), "and no context is left when the process ends"
        said.append(done.stdout.splitlines())
    assert said[0] == said[1] and len(said[0]) == 3
    assert "memory is full" in said[0][0] and "leave out --graph" in said[0][1]
