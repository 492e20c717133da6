from __future__ import annotations

import math
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from colocate.model.machine import Missing
from colocate.power.find import find_meters
from colocate.power.meter import MeterKind
from colocate.power.nvml import find
from tests.power.fakes import hwmon


class Pynvml(ModuleType):
    """What nvidia-ml-py shows of one machine: handles, error codes raised as NVMLError, per-field return codes."""

    NVML_SUCCESS = 0
    NVML_ERROR_NOT_SUPPORTED = 3
    NVML_FI_DEV_POWER_INSTANT = 186

    class NVMLError(Exception):
        def __init__(self, value: int) -> None:
            super().__init__(value)
            self.value = value

        def __str__(self) -> str:
            return {3: "Not Supported", 9: "Driver Not Loaded", 15: "GPU is lost"}[self.value]

    def __init__(self, supported: tuple[str, ...] = (), gpus: int = 1, driver: bool = True) -> None:
        super().__init__("pynvml")
        self.supported, self.gpus, self.driver = supported, gpus, driver
        self.users = 0
        self.lost = False

    def _answer(self, what: str) -> None:
        if self.lost:
            raise self.NVMLError(15)
        if what not in self.supported:
            raise self.NVMLError(3)

    def nvmlInit(self) -> None:  # noqa: N802 - the library's own name, as all below
        if not self.driver:
            raise self.NVMLError(9)
        self.users += 1

    def nvmlShutdown(self) -> None:  # noqa: N802
        self.users -= 1

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return self.gpus

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        return index

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: int) -> int:  # noqa: N802
        self._answer("energy")
        return 2_474_226 + handle

    def nvmlDeviceGetPowerUsage(self, handle: int) -> int:  # noqa: N802
        self._answer("power")
        return 126_520 + handle

    def nvmlDeviceGetFieldValues(self, handle: int, fields: list[int]) -> list[SimpleNamespace]:  # noqa: N802
        assert fields == [self.NVML_FI_DEV_POWER_INSTANT]
        code = self.NVML_SUCCESS if "instant" in self.supported else self.NVML_ERROR_NOT_SUPPORTED
        return [SimpleNamespace(nvmlReturn=code, value=SimpleNamespace(uiVal=98_000 + handle))]


@pytest.mark.parametrize(
    ("supported", "kind", "value"),
    [
        (("energy", "instant", "power"), MeterKind.ENERGY, 2474.226),
        (("instant", "power"), MeterKind.POWER, 98.0),
        (("power",), MeterKind.POWER, 126.52),
    ],
)
def test_the_counter_comes_first_then_instant_then_mean_power(
    monkeypatch: pytest.MonkeyPatch, supported: tuple[str, ...], kind: MeterKind, value: float
) -> None:
    nvml = Pynvml(supported, gpus=2)
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    found = list(find(Path("/")))
    assert [each.rails for each in found if not isinstance(each, Missing)] == [("nvml:gpu0",), ("nvml:gpu1",)]
    meter = found[0]
    assert not isinstance(meter, Missing)
    assert meter.kind is kind
    assert meter.read() == pytest.approx((value,))
    nvml.lost = True
    if "instant" not in supported or "energy" in supported:
        assert math.isnan(meter.read()[0])
    for each in found:
        assert not isinstance(each, Missing)
        each.close()
    assert nvml.users == 0


def test_a_gpu_that_reports_nothing_is_missing_and_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = Pynvml()
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    (missing,) = find(Path("/"))
    assert isinstance(missing, Missing)
    assert "Not Supported" in missing.reason
    assert nvml.users == 0


def test_without_a_driver_or_the_package_there_is_a_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", Pynvml(driver=False))
    (missing,) = find(Path("/"))
    assert isinstance(missing, Missing)
    assert "driver" in missing.fix
    monkeypatch.setitem(sys.modules, "pynvml", None)
    (missing,) = find(Path("/"))
    assert isinstance(missing, Missing)
    assert missing.fix == "pip install nvidia-ml-py"


@pytest.mark.parametrize(
    ("number", "rails"),
    [(None, ("VDD_IN", "nvml:gpu0", "nvml:gpu1", "nvml:gpu2")), (1, ("VDD_IN", "nvml:gpu1")), (3, ("VDD_IN",))],
)
def test_meters_follow_the_gpu_that_was_chosen(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, number: int | None, rails: tuple[str, ...]
) -> None:
    nvml = Pynvml(("energy",), gpus=3)
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    monkeypatch.setitem(sys.modules, "jtop", None)
    hwmon(tmp_path, 0, {"VDD_IN": (5000, 1000)})
    found = find_meters(tmp_path).of_gpu(number)
    assert found.rails == rails
    assert nvml.users == len(rails) - 1, "the others are let go"
    found.close()
    assert nvml.users == 0
