"""Turn activity into power and energy per rail.

The laws hold in the founding study's logs (`constants.py`). The GPU's energy follows its work and V^2. Each busy task
costs V^2 f. The rest of the board draws a constant, a part by memory clock and a part by memory traffic.
"""

from __future__ import annotations

import numpy as np

from colocate.model.trial import FloatArray
from colocate.rigs.tx1.clocks import EMC_MAX_HZ, BoardClocks, cpu_voltage_v, gpu_voltage_v
from colocate.rigs.tx1.constants import Constants
from colocate.rigs.tx1.kernels import Kernels
from colocate.rigs.tx1.timing import Timeline

RAILS = ("VDD_IN", "VDD_GPU", "VDD_CPU")
_PHASES = 256


def resting_w(
    clocks: BoardClocks, tasks_w_per_hz: float, traffic_bytes_per_s: float, constants: Constants
) -> FloatArray:
    """Return the power of `RAILS` (3,) in W beside busy tasks, with a GPU that is idle and switched off (by the
    kernel, after 500 ms).

    `tasks_w_per_hz` (per V^2) and `traffic_bytes_per_s` are sums over all processes.
    """
    c, cpu_hz = constants, clocks.cpu_hz
    cpu_w = c.cpu_idle_w + tasks_w_per_hz * cpu_hz * cpu_voltage_v(cpu_hz) ** 2
    traffic_w = c.dram_w * traffic_bytes_per_s / (c.emc_bytes_per_cycle * EMC_MAX_HZ)
    emc_w = c.emc_w * clocks.resting_emc_hz / EMC_MAX_HZ
    return np.array([cpu_w + c.board_w + emc_w + traffic_w, 0.0, cpu_w])


def inference_j(
    line: Timeline, kernels: Kernels, precision: str, clocks: BoardClocks, constants: Constants
) -> FloatArray:
    """Return the energy of `RAILS`, in J, that one inference adds to `resting_w`, from its beginning to each of 257
    equidistant moments up to its end: (257, 3).
    """
    moments_s = np.linspace(0.0, line.latency_s, _PHASES + 1)
    return spent_j(moments_s, line, kernels, precision, clocks, constants)


def spent_j(
    moments_s: FloatArray, line: Timeline, kernels: Kernels, precision: str, clocks: BoardClocks, constants: Constants
) -> FloatArray:
    """Return the same as `inference_j`, but up to each of `moments_s` (m,): (m, 3)."""
    c, cpu_hz, gpu_hz = constants, clocks.cpu_hz, clocks.gpu_hz
    mac_j = c.gpu_j_per_mac * (c.fp16_energy if precision == "fp16" else 1.0)
    kernels_j = gpu_voltage_v(gpu_hz) ** 2 * (mac_j * kernels.macs + c.gpu_j_per_byte * kernels.traffic_bytes)
    gpu_j = c.gpu_idle_w * moments_s + _spent(line, kernels_j, moments_s)
    # While the host prepares, the GPU idles, and a memory clock that is not set falls to what the CPU wants.
    raised_w = c.emc_w * (clocks.busy_emc_hz - clocks.resting_emc_hz) / EMC_MAX_HZ
    emc_j = raised_w * np.maximum(moments_s - line.prepared_s, 0.0)
    # The host works from the beginning until all is launched, then sleeps.
    host_j = c.host_w_per_hz * cpu_hz * cpu_voltage_v(cpu_hz) ** 2 * line.host_cpu_s
    cpu_j = host_j * np.minimum(moments_s / line.host_s, 1.0)
    j_per_byte = c.dram_w / (c.emc_bytes_per_cycle * EMC_MAX_HZ)
    dram_j = j_per_byte * _spent(line, kernels.traffic_bytes, moments_s)
    return np.stack([gpu_j + cpu_j + emc_j + dram_j, gpu_j, cpu_j], axis=1)


def _spent(line: Timeline, amounts: FloatArray, moments_s: FloatArray) -> FloatArray:
    """Return how much of all `amounts` (n,) is spent by each of `moments_s` (m,). Each is spent evenly while its
    kernel runs.
    """
    edges_s = np.column_stack([line.begins_s, line.ends_s]).ravel()
    total = np.cumsum(amounts)
    return np.interp(moments_s, edges_s, np.column_stack([total - amounts, total]).ravel())
