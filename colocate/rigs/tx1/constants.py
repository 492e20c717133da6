"""Every physical constant of the model: value, unit, source, and how it is known.

What the kernel fixes (clock steps, voltages, floors of the memory clock) is in `clocks.py`. Assumed constants can be
set by name in the `[model]` table of a study file.

Sources: the founding study is its raw logs (2017, Caffe, L4T r24); ck-caffe is dividiti/ck-caffe-nvidia-tx1 (NVCaffe
and TensorRT 1; CPU 1734 MHz, GPU 998.4 MHz). `tests/rigs/tx1/fit.py` fits all fitted values at once to the figures in
`published.py`, except NVIDIA's. The tasks' work was counted with cachegrind and an A57's caches (2 MB, 16 ways,
64-byte lines). The programs were MiBench's originals for bitcount, stringsearch and jpeg-small, and Pillow on a ring
of eight 1920x1080 frames for jpeg.
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
    """How a constant got its value: read from a source, fitted to published figures, or assumed."""

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
    """Describe an assumed constant, which a study may set from `least` to `most`."""
    return _constant(Known.ASSUMED, value, unit, source, least=least, most=most)


@dataclass(frozen=True, slots=True)
class Constants:
    """The values. `described` adds what is known of each; `assuming` sets assumed ones."""

    # Arithmetic
    macs_per_cycle: float = _read(
        256, "MAC/cycle", "2 multiprocessors of 128 lanes each, in FP32: 512 FLOP per cycle"
    )
    fp16_gain: float = _read(
        2, "ratio", "FP16 computes two values at once; Caffe's matrix products are assumed not to gain"
    )
    caffe_efficiency: float = _fitted(
        0.677,
        "ratio",
        "share of the peak rate that Caffe reaches in whole tiles; founding study, ck-caffe with cuDNN",
    )
    tensorrt_efficiency: float = _fitted(
        0.923, "ratio", "the same for TensorRT 1, which saves some of the MACs counted; ck-caffe"
    )
    tile: float = _assumed(64, "elements", "a convolution is computed in tiles of 64 channels by 64 pixels", least=1)
    product_tile: float = _assumed(
        32,
        "images",
        "a matrix product is computed in tiles of so many images; chosen from 32, 64, 128 to suit NVIDIA's batch 128",
        least=1,
    )
    product_efficiency: float = _fitted(
        0.191, "ratio", "share of the peak rate in tiles of a matrix product; ck-caffe, batches 2 to 16"
    )
    thin_columns: float = _fitted(
        5.36, "images", "a thin matrix product reads its weights once for so many images; ck-caffe"
    )
    # Memory
    emc_bytes_per_cycle: float = _read(16, "B/cycle", "64-bit LPDDR4 memory: 25.6 GB/s at 1600 MHz")
    dram_efficiency: float = _fitted(
        0.619, "ratio", "share of the memory's peak rate that kernels reach; founding study, ck-caffe"
    )
    gpu_bytes_per_cycle: float = _fitted(
        51.7, "B/cycle", "most bytes that the GPU moves in one of its cycles; founding study, ck-caffe"
    )
    core_bytes_per_cycle: float = _read(
        3.25, "B/cycle", "most that one A57 core reads: 4.8 GB/s at 1479 MHz; sbc-bench on a Jetson Nano"
    )
    contention: float = _assumed(
        1.0,
        "ratio",
        "how strongly one side's memory traffic slows the other; at 1 each byte costs the other one byte; no source",
        # Beyond, a task would be slowed so much that the traffic of a task alone says nothing of it.
        most=10,
    )
    # Launching
    kernel_s: float = _fitted(
        16.8e-6, "s", "fixed time of each kernel besides its work, so the shortest kernel; founding study, ck-caffe"
    )
    launch_cycles: float = _fitted(
        77.2e3, "CPU cycles", "one asynchronous launch; founding study at CPU 102 MHz, smallest layers of ck-caffe"
    )
    wake_cycles: float = _read(
        61e3,
        "CPU cycles",
        "waking up after the GPU is done: 35 us at 1734 MHz, which each layer timed alone adds; ck-caffe, 3 batches",
    )
    shared_ratio: float = _assumed(
        0.5,
        "ratio",
        "share of its CPU that the launching thread keeps beside one task there, under a fair scheduler",
        least=0.01,
        most=1,
    )
    prepare_cycles: float = _read(
        6.4e6, "CPU cycles/image", "Caffe prepares an image: 3.7 ms at 1734 MHz; founding study less ck-caffe"
    )
    copy_cycles: float = _read(0.4, "CPU cycles/B", "copying the input: 3.73 GB/s at 1479 MHz; sbc-bench, memcpy")
    # Caffe's own kernels, beside those of cuDNN and cuBLAS. A pass reads or writes the whole output of the layer.
    bias_launches: float = _assumed(
        1, "kernels", "kernels for the bias of a convolution or product; code of BVLC Caffe", least=1
    )
    bias_passes: float = _assumed(2, "passes", "the kernel of the bias reads and writes the output once each")
    join_launches: float = _assumed(
        1, "kernels", "an empty kernel after a convolution joins its groups; code of BVLC Caffe"
    )
    norm_launches: float = _assumed(
        12,
        "kernels",
        "BatchNorm of BVLC Caffe: 4 for mean and variance, 2 to subtract, 4 for the deviation, 2 to divide and copy",
        least=1,
    )
    norm_passes: float = _assumed(
        8,
        "passes",
        "BatchNorm: 2 to subtract, 1 for the deviation, 3 to divide, 2 to copy; the other kernels move little",
    )
    scale_launches: float = _assumed(
        2, "kernels", "Scale: a copy for the backward pass and a product; code of BVLC Caffe", least=1
    )
    scale_passes: float = _assumed(4, "passes", "Scale: each of its kernels reads and writes the output once")
    sum_launches: float = _assumed(
        3, "kernels", "Eltwise: one kernel clears the output, two add an input each; code of BVLC Caffe", least=1
    )
    sum_passes: float = _assumed(7, "passes", "Eltwise: 1 to clear the output, 3 for each addition")
    # Tasks
    line_bytes: float = _read(64, "B", "a line of the A57's caches, which a miss fills; write-backs are not counted")
    bitcount_instructions: float = _read(
        513.5, "instructions/word", "577.7 million instructions for 1.125 million words; counted with cachegrind"
    )
    bitcount_ipc: float = _assumed(1.76, "instructions/cycle", "MiBench's own program; founding study", least=0.01)
    bitcount_misses: float = _assumed(0.0001, "misses/1000 instructions", "almost none: its data fit in the caches")
    stringsearch_instructions: float = _read(0.946e6, "instructions/pass", "counted with cachegrind")
    stringsearch_ipc: float = _assumed(
        0.98, "instructions/cycle", "MiBench's own program; founding study", least=0.01
    )
    stringsearch_misses: float = _assumed(
        0.0001, "misses/1000 instructions", "almost none: its data fit in the caches"
    )
    jpeg_instructions: float = _read(
        153.2e6,
        "instructions/frame",
        "misses fill 32 MB to encode and 44 MB to decode a frame; counted with cachegrind",
    )
    jpeg_ipc: float = _assumed(
        1.37, "instructions/cycle", "MiBench's own program and picture; founding study", least=0.01
    )
    jpeg_misses: float = _read(7.75, "misses/1000 instructions", "counted with cachegrind")
    jpeg_small_instructions: float = _read(
        91.3e6, "instructions/frame", "73.3 million to encode and 18.0 million to decode; counted with cachegrind"
    )
    jpeg_small_misses: float = _read(
        0.154, "misses/1000 instructions", "0.18 to encode and 0.05 to decode; counted with cachegrind"
    )
    # Power
    gpu_j_per_mac: float = _fitted(
        37.9e-12, "J/MAC/V^2", "energy of a multiply-accumulate; GPU rail of the founding study"
    )
    gpu_j_per_byte: float = _fitted(
        249e-12, "J/B/V^2", "energy of a byte to or from memory; GPU rail of the founding study"
    )
    gpu_idle_w: float = _read(0.09, "W", "GPU rail while the GPU is on and does nothing; founding study")
    fp16_energy: float = _assumed(0.5, "ratio", "energy of a multiply-accumulate in FP16 over one in FP32", most=10)
    cpu_idle_w: float = _read(0.09, "W", "CPU rail while no task is busy; founding study")
    host_w_per_hz: float = _fitted(
        0.531e-9, "W/Hz/V^2", "the thread that prepares and launches; CPU rail of the founding study"
    )
    bitcount_w_per_hz: float = _read(0.90e-9, "W/Hz/V^2", "one process; CPU rail of the founding study")
    stringsearch_w_per_hz: float = _read(0.75e-9, "W/Hz/V^2", "one process; CPU rail of the founding study")
    jpeg_w_per_hz: float = _read(1.02e-9, "W/Hz/V^2", "one process; CPU rail of the founding study")
    board_w: float = _read(
        2.06, "W", "rest of the board when idle: VDD_IN less the CPU and GPU rails; founding study"
    )
    emc_w: float = _read(1.03, "W", "memory at 1600 MHz without traffic; falls with its clock; founding study")
    dram_w: float = _read(2.55, "W", "what 25.6 GB/s of traffic adds to the memory's power; founding study")
    # The meter
    sensor_tau_s: float = _read(
        0.054, "s", "the TX1's INA3221 meter averages 64 samples of 0.84 ms in a running filter"
    )
    sensor_period_s: float = _assumed(
        0.02, "s", "how often the meter is read: about a third of the filter's time constant", least=1e-3, most=10
    )
    board_lsb_w: float = _read(0.038, "W", "smallest step of VDD_IN: 2 mA at 19 V")
    rail_lsb_w: float = _read(0.076, "W", "smallest step of VDD_CPU and VDD_GPU: 4 mA at 19 V")
    # Noise: standard deviations of log latency
    jitter_ratio: float = _assumed(0.006, "ratio", "scatter from one inference to the next", most=0.5)
    jitter_memory: float = _assumed(
        0.5, "ratio", "autocorrelation of the jitter between neighbouring inferences", most=0.99
    )
    tail_share: float = _assumed(0.004, "ratio", "share of inferences that something interrupts", most=1)
    tail_ratio: float = _assumed(
        0.08, "ratio", "mean delay of an interrupted inference, as a share of its latency; exponential", most=100
    )
    window_ratio: float = _assumed(
        0.0007,
        "ratio",
        "scatter between windows of a block; an H200 has 0.068 for AlexNet beside tasks that do nothing",
        most=0.5,
    )
    block_ratio: float = _assumed(
        0.003,
        "ratio",
        "scatter between blocks; the founding study's latencies at the same clocks agree within 1 %",
        most=0.5,
    )
    drift_ratio: float = _assumed(
        0,
        "ratio",
        "scatter within a window, 0 for none; with 0.012 stretches of 100 ms scatter by 1.0 %, as on an H200",
        most=0.5,
    )
    drift_s: float = _assumed(
        0.1, "s", "time in which the scatter within a window forgets most of its value", least=1e-3
    )
    # What pausing and resuming a task inside a window does not show
    heat_limit_w: float = _assumed(
        0,
        "W",
        "mean power above which the board lowers the GPU's clock, 0 for no limit; the founding study shows none",
    )
    ramp_s: float = _assumed(
        0, "s", "time constant of a slow governor's answer to a change of load; 0 answers at once"
    )
    # Virtual time
    inferences_min: float = _assumed(
        600,
        "inferences",
        "a window is lengthened until it holds so many inferences, as virtual time costs nothing; a p99 takes 368 "
        "independent ones, which most windows of 600 hold; 1 keeps windows as long as asked for",
        least=1,
        most=100_000,
    )


def described(constants: Constants) -> Iterator[Constant]:
    """Yield every constant with what is known of it."""
    for entry in fields(constants):
        facts = entry.metadata
        yield Constant(
            entry.name, getattr(constants, entry.name), facts["unit"], facts["known"].value, facts["source"]
        )


def assuming(model: Mapping[str, float]) -> Constants:
    """Return the constants with the values of `model` for some assumed ones.

    Raises SpecError for a name that is no assumed constant, and for a value out of range.
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
