"""The network `bandwidth`: a kernel that copies one large buffer to another on the GPU, so that only memory limits
it.

Its device time gives the bandwidth that the GPU achieves. On a board whose CPU and GPU share memory, it also shows
how much of that a CPU task takes.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from colocate.worker.backend import Facts
from colocate.worker.cuda.open import opened
from colocate.worker.request import COPIED_BYTES, Request

_THREADS = 256
_BLOCKS_PER_PROCESSOR = 16
# Each thread copies 16 bytes a turn, next to those of its neighbours: the widest access that a GPU has. It is written
# in PTX, which every NVIDIA driver compiles: a Jetson may have no compiler for CUDA C, in which this is:
#     for (i = block * THREADS + thread; i < n; i += blocks * THREADS) to[i] = from[i];
_KERNEL = """
.version 6.0
.target sm_50
.address_size 64
.visible .entry copy(.param .u64 from, .param .u64 to, .param .u64 n)
{
    .reg .pred %over;
    .reg .b32 %thread, %threads, %block, %blocks, %first, %all, %a, %b, %c, %d;
    .reg .b64 %from, %to, %n, %i, %step, %offset, %read, %written;
    ld.param.u64 %from, [from];
    ld.param.u64 %to, [to];
    ld.param.u64 %n, [n];
    cvta.to.global.u64 %from, %from;
    cvta.to.global.u64 %to, %to;
    mov.u32 %thread, %tid.x;
    mov.u32 %threads, %ntid.x;
    mov.u32 %block, %ctaid.x;
    mov.u32 %blocks, %nctaid.x;
    mad.lo.u32 %first, %block, %threads, %thread;
    mul.lo.u32 %all, %blocks, %threads;
    cvt.u64.u32 %i, %first;
    cvt.u64.u32 %step, %all;
next:
    setp.ge.u64 %over, %i, %n;
    @%over bra done;
    shl.b64 %offset, %i, 4;
    add.u64 %read, %from, %offset;
    add.u64 %written, %to, %offset;
    ld.global.v4.u32 {%a, %b, %c, %d}, [%read];
    st.global.v4.u32 [%written], {%a, %b, %c, %d};
    add.u64 %i, %i, %step;
    bra next;
done:
    ret;
}
"""


class Bandwidth:
    """One inference copies `COPIED_BYTES` for each image of the batch, within the GPU. Nothing is copied in or out.

    Raises WorkerError if the GPU refuses.
    """

    def __init__(self, request: Request) -> None:
        self.copied_bytes = COPIED_BYTES * request.batch
        gpu = opened(request.wait, request.device)
        copy = gpu.kernel(_KERNEL, "copy")
        source, target = (gpu.memory(self.copied_bytes) for _ in range(2))
        # Random bytes: a bus that carries zeros draws less power.
        block = np.random.RandomState(0).randint(0, 256, COPIED_BYTES, np.uint8)
        for image in range(request.batch):
            gpu.fill(source + image * COPIED_BYTES, block)
        self._stream = gpu.stream()
        arguments = (source, target, self.copied_bytes // 16)
        blocks = _BLOCKS_PER_PROCESSOR * gpu.processors
        self._launch = self._stream.launch(copy, blocks, _THREADS, arguments)
        self._facts: "Facts" = {
            "runtime": "CUDA driver",
            "gpu": gpu.name,
            "copied_bytes": self.copied_bytes,
            "graph": False,
            "wait": request.wait,
            "device": f"cuda:{gpu.number}",
            "gpu_calls": gpu.calls,
        }

    def infer(self) -> None:
        """Make one copy; see `Backend.infer`."""
        self._stream.time(self._launch)

    def device_s(self) -> float:
        """See `Backend.device_s`: the time between two events around the kernel."""
        return self._stream.device_s()

    def facts(self) -> Facts:
        """See `Backend.facts`."""
        return self._facts

    def probe(self, copies: int = 10) -> "Mapping[str, Any]":
        """Return the GPU's name and its bandwidth in bytes/s, from the median time of `copies`. Each byte counts
        twice, as read and written.

        Raises WorkerError if a copy fails.
        """
        times_s = []
        for _ in range(copies):
            self.infer()
            times_s.append(self.device_s())
        bytes_per_s = 2 * self.copied_bytes / float(np.median(times_s))
        return {"bytes_per_s": bytes_per_s, **{key: self._facts[key] for key in ("gpu", "gpu_calls")}}
