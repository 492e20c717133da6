from __future__ import annotations

import sys
import types

import pytest

from colocate.host.gpu_state import GpuState


class NVMLError(Exception):
    pass


class Nvml(types.ModuleType):
    """As much of the library as is asked here; a GPU is its name, temperature and reasons."""

    NVMLError = NVMLError
    NVML_TEMPERATURE_GPU = 0

    def __init__(self, *gpus: tuple[str | bytes, int | None, int]) -> None:
        super().__init__("pynvml")
        self.gpus = gpus
        self.started = False

    def nvmlInit(self) -> None:  # noqa: N802 - the library's own name, as all below
        self.started = True

    def nvmlSystemGetDriverVersion(self) -> bytes:  # noqa: N802
        assert self.started
        return b"580.1"

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return len(self.gpus)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        return index

    def nvmlDeviceGetName(self, handle: int) -> str | bytes:  # noqa: N802
        return self.gpus[handle][0]

    def nvmlDeviceGetTemperature(self, handle: int, sensor: int) -> int:  # noqa: N802
        temperature_c = self.gpus[handle][1]
        if temperature_c is None:
            raise NVMLError("not supported")
        return temperature_c

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, handle: int) -> int:  # noqa: N802
        return self.gpus[handle][2]


def state(monkeypatch: pytest.MonkeyPatch, *gpus: tuple[str | bytes, int | None, int]) -> GpuState:
    monkeypatch.setitem(sys.modules, "pynvml", Nvml(*gpus))
    return GpuState()


def test_without_the_package_there_is_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    found = GpuState()
    assert (found.names, found.driver) == ((), None)
    assert (found.look().temperature_c, found.look().throttle_reasons) == (None, frozenset())


def test_the_hottest_of_all_and_every_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    found = state(monkeypatch, ("A", 41, 0x04), (b"B", 55, 0x20 | 0x80))
    assert (found.names, found.driver) == (("A", "B"), "580.1")
    look = found.look()
    assert look.temperature_c == 55.0
    assert look.throttle_reasons == {"power cap", "software thermal slowdown", "power brake"}


@pytest.mark.parametrize("harmless", [0x00, 0x01, 0x02, 0x10, 0x100])
def test_idling_and_clocks_that_somebody_set_are_no_throttling(
    monkeypatch: pytest.MonkeyPatch, harmless: int
) -> None:
    assert state(monkeypatch, ("A", 40, harmless)).look().throttle_reasons == frozenset()


def test_a_gpu_that_does_not_tell_is_passed_by(monkeypatch: pytest.MonkeyPatch) -> None:
    look = state(monkeypatch, ("A", None, 0x08), ("B", 30, 0)).look()
    assert look.temperature_c == 30.0


@pytest.mark.parametrize(
    ("number", "names", "temperature_c"), [(None, ("A", "B"), 70), (0, ("A",), 40), (2, (), None)]
)
def test_of_several_the_one_that_was_chosen_counts(
    monkeypatch: pytest.MonkeyPatch, number: int | None, names: tuple[str, ...], temperature_c: float | None
) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", Nvml(("A", 40, 0), ("B", 70, 0x08)))
    found = GpuState(number)
    assert (found.names, found.look().temperature_c) == (names, temperature_c)
