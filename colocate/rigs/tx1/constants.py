"""Every constant of the model that is physics: value, unit, source, and how it is known.

What the kernel fixes (clock steps, voltages, floors of the memory clock) stands in `clocks.py`. What is assumed can
be set: the `[model]` table of a study file holds names of assumed constants.

Sources: CMU is the raw logs of the founding study (2017, Caffe, L4T r24); ck is dividiti/ck-caffe-nvidia-tx1
(NVCaffe and TensorRT 1; CPU 1734 MHz, GPU 998.4 MHz). Fitted values come from `tests/rigs/tx1/fit.py`, which
fits all of them at once to the figures in `published.py`, without NVIDIA's. What the tasks do was counted with
cachegrind and an A57's caches (2 MB, 16 ways, 64-byte lines): of the MiBench originals for bitcount, stringsearch and
jpeg-small, of Pillow on a ring of eight 1920x1080 frames for jpeg.
"""

from __future__ import annotations

import difflib
import enum
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from colocate.errors import SpecError
from colocate.model.provenance import Constant
from colocate.model.written import as_written


class Known(str, enum.Enum):
    """How a constant came by its value."""

    READ = "read"
    FITTED = "fitted"
    ASSUMED = "assumed"


def _constant(known: Known, value: float, unit: str, source: str, **bounds: float) -> Any:
    return field(default=value, metadata={"unit": unit, "known": known, "source": source, **bounds})


def _read(value: float, unit: str, source: str) -> Any:
    return _constant(Known.READ, value, unit, source)


def _fitted(value: float, unit: str, source: str) -> Any:
    return _constant(Known.FITTED, value, unit, source)


def _assumed(value: float, unit: str, source: str, least: float = 0.0, most: float = 1000.0) -> Any:
    """`least` and `most` are what it may be set to."""
    return _constant(Known.ASSUMED, value, unit, source, least=least, most=most)


@dataclass(frozen=True, slots=True)
class Constants:
    """The values; `described` adds what is known of each. `assuming` sets those that are assumed."""

    # Arithmetic
    macs_per_cycle: float = _read(256, "MAC/cycle", "2 multiprocessors x 128 lanes, FP32 (512 FLOP per cycle)")
    fp16_gain: float = _read(2, "ratio", "FP16 in halves of registers; assumed not for Caffe's matrix products")
    caffe_efficiency: float = _fitted(0.677, "ratio", "share of the peak in whole tiles: CMU, ck cuDNN")
    tensorrt_efficiency: float = _fitted(
        0.923, "ratio", "as above, by nominal MACs, of which its algorithms save some: ck TensorRT 1"
    )
    tile: float = _assumed(64, "elements", "a convolution fills tiles of 64 channels x 64 pixels", least=1)
    product_tile: float = _assumed(
        32,
        "images",
        "a matrix product fills such tiles; chosen among 32, 64, 128 in sight of NVIDIA's batch 128",
        least=1,
    )
    product_efficiency: float = _fitted(0.191, "ratio", "share of the peak in such tiles: ck, batches 2 to 16")
    thin_columns: float = _fitted(5.36, "images", "a thin product reads its weights once per so many images: ck")
    # Memory
    emc_bytes_per_cycle: float = _read(16, "B/cycle", "64-bit LPDDR4: 25.6 GB/s at 1600 MHz")
    dram_efficiency: float = _fitted(0.619, "ratio", "share of the memory's peak that kernels reach: CMU, ck")
    gpu_bytes_per_cycle: float = _fitted(51.7, "B/cycle", "what the GPU moves per GPU cycle at the most: CMU, ck")
    core_bytes_per_cycle: float = _read(
        3.25, "B/cycle", "what one A57 reads at the most: 4.8 GB/s at 1479 MHz (sbc-bench, Jetson Nano)"
    )
    contention: float = _assumed(
        1.0,
        "ratio",
        "how strongly one side's traffic slows the other; no source. 1: a byte costs the other one byte",
        # Beyond, a task would be slowed so much that the traffic of a task alone says nothing of it.
        most=10,
    )
    # Launching
    kernel_s: float = _fitted(16.8e-6, "s", "what a kernel takes beside its work, and so the shortest: CMU, ck")
    launch_cycles: float = _fitted(
        77.2e3, "CPU cycles", "one asynchronous launch: CMU at CPU 102 MHz, the smallest layers of ck"
    )
    wake_cycles: float = _read(
        61e3,
        "CPU cycles",
        "waking from the wait for the GPU: 35 us at 1734 MHz, what each layer adds to their sum: ck, 3 batches",
    )
    shared_ratio: float = _assumed(
        0.5,
        "ratio",
        "of its CPU the launching thread has beside one task on it: a fair scheduler",
        least=0.01,
        most=1,
    )
    prepare_cycles: float = _read(6.4e6, "CPU cycles/image", "Caffe prepares data: 3.7 ms at 1734 MHz (CMU less ck)")
    copy_cycles: float = _read(0.4, "CPU cycles/B", "memcpy of the input: 3.73 GB/s at 1479 MHz (sbc-bench)")
    # Caffe's own kernels, beside those of cuDNN and cuBLAS. A pass reads or writes the whole output of the layer.
    bias_launches: float = _assumed(
        1, "kernels", "bias of a convolution or product: structure of BVLC Caffe", least=1
    )
    bias_passes: float = _assumed(2, "passes", "it reads and writes")
    join_launches: float = _assumed(
        1, "kernels", "an empty one after a convolution, which joins its groups: BVLC Caffe"
    )
    norm_launches: float = _assumed(
        12,
        "kernels",
        "BatchNorm of BVLC Caffe: 4 for mean and variance, 2 subtract it, 4 for the deviation, a division, a copy",
        least=1,
    )
    norm_passes: float = _assumed(8, "passes", "subtraction 2, deviation 1, division 3, copy 2; the others are small")
    scale_launches: float = _assumed(
        2, "kernels", "Scale of BVLC Caffe: a copy for the backward pass, a product", least=1
    )
    scale_passes: float = _assumed(4, "passes", "each reads and writes")
    sum_launches: float = _assumed(
        3, "kernels", "Eltwise of BVLC Caffe: it clears its output, then adds 2 inputs", least=1
    )
    sum_passes: float = _assumed(7, "passes", "1 to clear, 3 for each addition")
    # Tasks
    line_bytes: float = _read(64, "B", "a line of the A57's caches: what a miss fills; write-backs are not counted")
    bitcount_instructions: float = _read(513.5, "instructions/word", "cachegrind: 577.7 M for 1.125 M words")
    bitcount_ipc: float = _assumed(1.76, "instructions/cycle", "CMU, of MiBench's own program", least=0.01)
    bitcount_misses: float = _assumed(0.0001, "misses/1000 instructions", "none to speak of: it fits in the caches")
    stringsearch_instructions: float = _read(0.946e6, "instructions/pass", "cachegrind")
    stringsearch_ipc: float = _assumed(0.98, "instructions/cycle", "CMU, of MiBench's own program", least=0.01)
    stringsearch_misses: float = _assumed(
        0.0001, "misses/1000 instructions", "none to speak of: it fits in the caches"
    )
    jpeg_instructions: float = _read(
        153.2e6, "instructions/frame", "cachegrind: 32 MB (encode), 44 MB (decode) of fills"
    )
    jpeg_ipc: float = _assumed(1.37, "instructions/cycle", "CMU, of MiBench's program and picture", least=0.01)
    jpeg_misses: float = _read(7.75, "misses/1000 instructions", "cachegrind")
    jpeg_small_instructions: float = _read(91.3e6, "instructions/frame", "cachegrind: encode 73.3 M, decode 18.0 M")
    jpeg_small_misses: float = _read(0.154, "misses/1000 instructions", "cachegrind: encode 0.18, decode 0.05")
    # Power
    gpu_j_per_mac: float = _fitted(37.9e-12, "J/MAC/V^2", "CMU, GPU rail")
    gpu_j_per_byte: float = _fitted(249e-12, "J/B/V^2", "CMU, GPU rail; of the traffic to and from memory")
    gpu_idle_w: float = _read(0.09, "W", "GPU rail while the GPU is on: CMU")
    fp16_energy: float = _assumed(0.5, "ratio", "energy of an FP16 multiply-accumulate over FP32's", most=10)
    cpu_idle_w: float = _read(0.09, "W", "CPU rail without a busy task: CMU")
    host_w_per_hz: float = _fitted(0.531e-9, "W/Hz/V^2", "CMU, CPU rail: the thread that prepares and launches")
    bitcount_w_per_hz: float = _read(0.90e-9, "W/Hz/V^2", "CMU, CPU rail: one process")
    stringsearch_w_per_hz: float = _read(0.75e-9, "W/Hz/V^2", "CMU, CPU rail: one process")
    jpeg_w_per_hz: float = _read(1.02e-9, "W/Hz/V^2", "CMU, CPU rail: one process")
    board_w: float = _read(2.06, "W", "the rest of the board at rest: CMU, VDD_IN less CPU and GPU")
    emc_w: float = _read(1.03, "W", "memory at 1600 MHz without traffic, falling with its clock: CMU")
    dram_w: float = _read(2.55, "W", "memory with 25.6 GB/s of traffic, more than without: CMU")
    # The meter
    sensor_tau_s: float = _read(0.054, "s", "INA3221 averaging on the TX1: 64 samples of 0.84 ms, a running filter")
    sensor_period_s: float = _assumed(
        0.02, "s", "how often it is read: about a third of the filter's time constant", least=1e-3, most=10
    )
    board_lsb_w: float = _read(0.038, "W", "least step of VDD_IN: 2 mA at 19 V")
    rail_lsb_w: float = _read(0.076, "W", "least step of VDD_CPU and VDD_GPU: 4 mA at 19 V")
    # Noise: standard deviations of log latency
    jitter_ratio: float = _assumed(0.006, "ratio", "from one inference to the next", most=0.5)
    jitter_memory: float = _assumed(0.5, "ratio", "lag-1 autocorrelation of the jitter", most=0.99)
    tail_share: float = _assumed(0.004, "ratio", "share of inferences that something interrupts", most=1)
    tail_ratio: float = _assumed(0.08, "ratio", "mean delay of those, of the latency; exponential", most=100)
    window_ratio: float = _assumed(
        0.0007,
        "ratio",
        "from one window to another of the same block; an H200 has 0.068 (AlexNet, tasks that do nothing)",
        most=0.5,
    )
    block_ratio: float = _assumed(
        0.003, "ratio", "between blocks; CMU latencies at the same clocks agree within 1 %", most=0.5
    )
    drift_ratio: float = _assumed(
        0,
        "ratio",
        "from moment to moment within a window, 0: none; with 0.012 100 ms scatter by 1.0 %, as on that H200",
        most=0.5,
    )
    drift_s: float = _assumed(0.1, "s", "after so long that drift has forgotten most of what it was", least=1e-3)
    # What pausing and resuming a task inside a window does not show
    heat_limit_w: float = _assumed(
        0, "W", "mean power of the board above which it lowers the GPU's clock, 0: none; the logs show none"
    )
    ramp_s: float = _assumed(
        0, "s", "time constant with which it answers a change of load, as a slow governor does; 0: at once"
    )
    # Virtual time
    inferences_min: float = _assumed(
        600,
        "inferences",
        "a window is lengthened until it holds so many, as virtual time costs nothing: enough for its 99th "
        "percentile (368 independent samples) though latencies follow one another; 1: as long as asked for",
        least=1,
        most=100_000,
    )


def described(constants: Constants) -> Iterator[Constant]:
    """Every constant with what is known of it."""
    for entry in fields(constants):
        facts = entry.metadata
        yield Constant(
            entry.name, getattr(constants, entry.name), facts["unit"], facts["known"].value, facts["source"]
        )


def assuming(model: Mapping[str, float]) -> Constants:
    """The constants with other values for some that are assumed.

    Raises SpecError for a name that is none of these, with the nearest, and for a value that cannot be.
    """
    constants = Constants()
    assumed = {entry.name: entry.metadata for entry in fields(constants) if entry.metadata["known"] is Known.ASSUMED}
    for name, value in model.items():
        if name not in assumed:
            near = difflib.get_close_matches(name, assumed, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"it sets what is assumed: {', '.join(assumed)}"
            raise SpecError(f"model: {name!r} cannot be set; {hint}")
        least, most = assumed[name]["least"], assumed[name]["most"]
        if not (math.isfinite(value) and least <= value <= most):
            raise SpecError(f"model: {name} is a number from {least:g} to {most:g}, not {as_written(value)}")
        unit = assumed[name]["unit"]
        if unit in ("kernels", "inferences") and value != int(value):
            raise SpecError(f"model: {name} is a whole number of {unit}, not {as_written(value)}")
    return replace(constants, **{name: float(value) for name, value in model.items()})
