from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from colocate.power.find import SENSORS, find_meters
from tests.power.fakes import hwmon, rapl


@pytest.fixture(autouse=True)
def no_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("pynvml", "jtop"):
        monkeypatch.setitem(sys.modules, package, None)


def test_on_a_bare_machine_every_sensor_is_missing_with_a_fix(tmp_path: Path) -> None:
    found = find_meters(tmp_path)
    assert found.meters == ()
    assert {sensor for sensor, _ in found.missing} == set(SENSORS)
    assert all(missing.reason and missing.fix for _, missing in found.missing)


def test_what_can_be_read_is_found_and_let_go(tmp_path: Path) -> None:
    hwmon(tmp_path, 0, {"VDD_IN": (5000, 1000), "NC": (0, 0), "VDD_SOC": (5000, 100)})
    rapl(tmp_path, 0, 5)
    before = set(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a Path would be opened while it is listed
    for _ in range(3):
        found = find_meters(tmp_path)
        assert found.rails == ("VDD_IN", "VDD_SOC", "rapl:package-0")
        assert {sensor for sensor, _ in found.missing} == {"ina238", "nvml"}
        found.close()
    (tmp_path / "sys/class/hwmon/hwmon0/curr3_input").unlink()
    find_meters(tmp_path).close()
    assert set(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
