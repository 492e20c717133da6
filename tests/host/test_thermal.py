from __future__ import annotations

from pathlib import Path

import pytest

from colocate.host.sysfs import Sysfs
from colocate.host.thermal import Throttle, read_temperature_c, throttled
from tests.host.boards import put

THERMAL = "/sys/class/thermal"


def zones(root: Path, *found: tuple[str, str]) -> Sysfs:
    for number, (kind, text) in enumerate(found):
        put(root, f"{THERMAL}/thermal_zone{number}/type", kind)
        put(root, f"{THERMAL}/thermal_zone{number}/temp", text)
    return Sysfs(root)


def test_the_hottest_credible_zone_counts(tmp_path: Path) -> None:
    sysfs = zones(
        tmp_path, ("CPU-therm", "41500"), ("GPU-therm", "62250"), ("PMIC-Die", "100000"), ("tj-thermal", "-256000")
    )
    assert read_temperature_c(sysfs) == pytest.approx(62.25)


@pytest.mark.parametrize("text", ["-256000", "2147483647", "", "none"])
def test_without_a_credible_zone_there_is_none(tmp_path: Path, text: str) -> None:
    assert read_temperature_c(zones(tmp_path, ("a", text))) is None


def test_below_freezing_is_a_temperature(tmp_path: Path) -> None:
    assert read_temperature_c(zones(tmp_path, ("a", "-7000"))) == pytest.approx(-7.0)


def test_throttling_is_a_counter_that_rose_or_a_state_that_moved(tmp_path: Path) -> None:
    put(tmp_path, "/sys/class/hwmon/hwmon3/name", "soctherm_oc")
    put(tmp_path, "/sys/class/hwmon/hwmon3/oc2_event_cnt", "4")
    put(tmp_path, "/sys/class/hwmon/hwmon4/name", "other")
    put(tmp_path, "/sys/class/hwmon/hwmon4/oc1_event_cnt", "1")
    put(tmp_path, "/sys/devices/system/cpu/cpu0/thermal_throttle/package_throttle_count", "0")
    for number, (kind, state) in enumerate((("cpu-balanced", "0"), ("pwm-fan", "1"), ("intel_powerclamp", "-1"))):
        put(tmp_path, f"{THERMAL}/cooling_device{number}/type", kind)
        put(tmp_path, f"{THERMAL}/cooling_device{number}/cur_state", state)
    throttle = Throttle(Sysfs(tmp_path))
    before = throttle.read()
    assert throttled(before, throttle.read()) == ()
    put(tmp_path, "/sys/class/hwmon/hwmon4/oc1_event_cnt", "2")
    put(tmp_path, f"{THERMAL}/cooling_device1/cur_state", "3")
    assert throttled(before, throttle.read()) == ()
    moved = (
        "/sys/class/hwmon/hwmon3/oc2_event_cnt",
        "/sys/devices/system/cpu/cpu0/thermal_throttle/package_throttle_count",
        f"{THERMAL}/cooling_device0/cur_state",
    )
    for path in moved:
        put(tmp_path, path, "5")
    assert throttled(before, throttle.read()) == moved


def test_a_machine_without_evidence_is_not_throttled(tmp_path: Path) -> None:
    throttle = Throttle(Sysfs(tmp_path))
    assert throttled(throttle.read(), throttle.read()) == ()
