"""When each kernel runs at given clocks, and how long one inference takes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from colocate.model.trial import FloatArray
from colocate.rigs.tx1.constants import Constants
from colocate.rigs.tx1.kernels import Kernels


@dataclass(frozen=True, slots=True)
class Timeline:
    """One inference, in seconds from its beginning.

    The host prepares until `prepared_s` and has launched everything by `host_s`. Kernels run from `begins_s` to
    `ends_s` (n,). The answer is there at `latency_s`. `host_cpu_s` is the host's CPU time; on a shared core the host
    takes longer.
    """

    prepared_s: float
    host_s: float
    host_cpu_s: float
    begins_s: FloatArray
    ends_s: FloatArray
    latency_s: float

    @property
    def gpu_busy_s(self) -> float:
        """The sum of the kernels' durations, in s."""
        return float(np.sum(self.ends_s - self.begins_s))

    @property
    def host_idle_ratio(self) -> float:
        """The share of its core that the host leaves to others while it infers back to back."""
        return 1 - self.host_cpu_s / self.latency_s

    @property
    def launch_bound(self) -> bool:
        """Whether launching the kernels takes longer than running them."""
        return self.host_s - self.prepared_s > self.gpu_busy_s


def durations_s(
    kernels: Kernels, gpu_hz: float, emc_hz: float, pressure_bytes_per_s: float, constants: Constants
) -> FloatArray:
    """Return how long each kernel takes in s (n,): its arithmetic or its memory traffic, whichever is longer, plus
    `kernel_s`.

    `pressure_bytes_per_s` is the memory traffic of others.
    """
    left = memory_bytes_per_s(emc_hz, constants) / crowding(pressure_bytes_per_s, emc_hz, constants)
    traffic_s = kernels.traffic_bytes / min(left, constants.gpu_bytes_per_cycle * gpu_hz)
    longer: FloatArray = np.maximum(kernels.cycles / gpu_hz, traffic_s)
    return longer + constants.kernel_s


def memory_bytes_per_s(emc_hz: float, constants: Constants) -> float:
    """Return the bandwidth of the memory for one side that can use all of it."""
    return constants.dram_efficiency * constants.emc_bytes_per_cycle * emc_hz


def crowding(pressure_bytes_per_s: float, emc_hz: float, constants: Constants) -> float:
    """Return how many times longer memory traffic takes beside others who want `pressure_bytes_per_s`.

    It is 1 + contention * (their share of the memory's peak): with contention 1, two sides that each want all of it
    get half each. The network and the tasks both use this.
    """
    return 1 + constants.contention * pressure_bytes_per_s / (constants.emc_bytes_per_cycle * emc_hz)


def timeline(
    running_s: FloatArray, prepare_cycles: float, cpu_hz: float, host_share: float, constants: Constants
) -> Timeline:
    """Return one inference of kernels that take `running_s` (n,), launched by a host that has `host_share` of a CPU.

    The host runs ahead: kernel i begins at max(its launch is done, kernel i - 1 is done). Without the recursion, it
    ends at the sum of durations up to i plus the largest of (launch of k done - the sum of durations before k) for k
    <= i.
    """
    host_hz = cpu_hz * host_share
    prepared_s = prepare_cycles / host_hz
    launched_s = prepared_s + np.arange(1, len(running_s) + 1) * (constants.launch_cycles / host_hz)
    together_s = np.cumsum(running_s)
    ends_s = together_s + np.maximum.accumulate(launched_s - (together_s - running_s))
    host_cycles = prepare_cycles + len(running_s) * constants.launch_cycles + constants.wake_cycles
    return Timeline(
        prepared_s=prepared_s,
        host_s=float(launched_s[-1]),
        host_cpu_s=host_cycles / cpu_hz,
        begins_s=ends_s - running_s,
        ends_s=ends_s,
        latency_s=float(ends_s[-1]) + constants.wake_cycles / host_hz,
    )
