"""Every constant of the model that is physics: value, unit, source, and how it is known.

What the kernel fixes (clock steps, voltages, floors of the memory clock) stands in `clocks.py`, what a task does per
unit of work in `tasks.py`, which kernels a runtime launches for a layer in `kernels.py`.

Sources: CMU is the raw logs of the founding study (2017, Caffe, L4T r24); ck is dividiti/ck-caffe-nvidia-tx1
(NVCaffe and TensorRT 1; CPU 1734 MHz, GPU 998.4 MHz). Fitted values come from `tests/rigs/tx1/fit.py`, which
fits all of them at once to the figures in `published.py`, without NVIDIA's.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any


class Known(str, enum.Enum):
    """How a constant came by its value."""

    READ = "read"
    FITTED = "fitted"
    ASSUMED = "assumed"


def _constant(known: Known, value: float, unit: str, source: str) -> Any:
    return field(default=value, metadata={"unit": unit, "known": known, "source": source})


def _read(value: float, unit: str, source: str) -> Any:
    return _constant(Known.READ, value, unit, source)


def _fitted(value: float, unit: str, source: str) -> Any:
    return _constant(Known.FITTED, value, unit, source)


def _assumed(value: float, unit: str, source: str) -> Any:
    return _constant(Known.ASSUMED, value, unit, source)


@dataclass(frozen=True, slots=True)
class Constants:
    """The values; `rows` adds what is known of each. Change one with `dataclasses.replace`."""

    # Arithmetic
    macs_per_cycle: float = _read(256, "MAC/cycle", "2 multiprocessors x 128 lanes, FP32 (512 FLOP per cycle)")
    fp16_gain: float = _read(2, "ratio", "FP16 in halves of registers; assumed not for Caffe's matrix products")
    caffe_efficiency: float = _fitted(0.675, "ratio", "share of the peak in whole tiles: CMU, ck cuDNN")
    tensorrt_efficiency: float = _fitted(
        0.919, "ratio", "as above, by nominal MACs, of which its algorithms save some: ck TensorRT 1"
    )
    tile: float = _assumed(64, "elements", "a convolution fills tiles of 64 channels x 64 pixels")
    product_tile: float = _assumed(
        32, "images", "a matrix product fills such tiles; chosen among 32, 64, 128 in sight of NVIDIA's batch 128"
    )
    product_efficiency: float = _fitted(0.191, "ratio", "share of the peak in such tiles: ck, batches 2 to 16")
    thin_columns: float = _fitted(5.34, "images", "a thin product reads its weights once per so many images: ck")
    # Memory
    emc_bytes_per_cycle: float = _read(16, "B/cycle", "64-bit LPDDR4: 25.6 GB/s at 1600 MHz")
    dram_efficiency: float = _fitted(0.622, "ratio", "share of the memory's peak that kernels reach: CMU, ck")
    gpu_bytes_per_cycle: float = _fitted(52.4, "B/cycle", "what the GPU moves per GPU cycle at the most: CMU, ck")
    core_bytes_per_cycle: float = _read(
        3.25, "B/cycle", "what one A57 reads at the most: 4.8 GB/s at 1479 MHz (sbc-bench, Jetson Nano)"
    )
    contention: float = _assumed(
        1.0, "ratio", "how strongly one side's traffic slows the other; no source. 1: a byte costs the other one byte"
    )
    # Launching
    kernel_s: float = _fitted(16.8e-6, "s", "what a kernel takes beside its work, and so the shortest: CMU, ck")
    launch_cycles: float = _fitted(77.2e3, "CPU cycles", "one asynchronous launch: CMU at CPU 102 MHz")
    wake_cycles: float = _assumed(50e3, "CPU cycles", "waking from the wait for the GPU")
    prepare_cycles: float = _read(6.4e6, "CPU cycles/image", "Caffe prepares data: 3.7 ms at 1734 MHz (CMU less ck)")
    copy_cycles: float = _read(0.4, "CPU cycles/B", "memcpy of the input: 3.73 GB/s at 1479 MHz (sbc-bench)")
    # Power
    gpu_j_per_mac: float = _fitted(38.0e-12, "J/MAC/V^2", "CMU, GPU rail")
    gpu_j_per_byte: float = _fitted(248e-12, "J/B/V^2", "CMU, GPU rail; of the traffic to and from memory")
    gpu_idle_w: float = _read(0.09, "W", "GPU rail while the GPU is on: CMU")
    fp16_energy: float = _assumed(0.5, "ratio", "energy of an FP16 multiply-accumulate over FP32's")
    cpu_idle_w: float = _read(0.09, "W", "CPU rail without a busy task: CMU")
    host_w_per_hz: float = _fitted(0.531e-9, "W/Hz/V^2", "CMU, CPU rail: the thread that prepares and launches")
    board_w: float = _read(2.06, "W", "the rest of the board at rest: CMU, VDD_IN less CPU and GPU")
    emc_w: float = _read(1.03, "W", "memory at 1600 MHz without traffic, falling with its clock: CMU")
    dram_w: float = _read(2.55, "W", "memory with 25.6 GB/s of traffic, more than without: CMU")
    # The meter
    sensor_tau_s: float = _read(0.054, "s", "INA3221 averaging on the TX1: 64 samples of 0.84 ms, a running filter")
    sensor_period_s: float = _assumed(0.02, "s", "how often it is read: about a third of the filter's time constant")
    board_lsb_w: float = _read(0.038, "W", "least step of VDD_IN: 2 mA at 19 V")
    rail_lsb_w: float = _read(0.076, "W", "least step of VDD_CPU and VDD_GPU: 4 mA at 19 V")
    # Noise: standard deviations of log latency
    jitter_ratio: float = _assumed(0.006, "ratio", "from one inference to the next")
    jitter_memory: float = _assumed(0.5, "ratio", "lag-1 autocorrelation of the jitter")
    tail_share: float = _assumed(0.004, "ratio", "share of inferences that something interrupts")
    tail_ratio: float = _assumed(0.08, "ratio", "mean delay of those, of the latency; exponential")
    window_ratio: float = _assumed(0.0007, "ratio", "from one window to another of the same block")
    block_ratio: float = _assumed(0.003, "ratio", "between blocks; CMU latencies at the same clocks agree within 1 %")


def rows(constants: Constants) -> Iterator[tuple[str, float, str, str, str]]:
    """Name, value, unit, how known, source: one row per constant."""
    for entry in fields(constants):
        facts = entry.metadata
        yield entry.name, getattr(constants, entry.name), facts["unit"], facts["known"].value, facts["source"]
