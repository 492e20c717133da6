from __future__ import annotations

import math
from pathlib import Path

import pytest

from colocate.model.machine import Missing
from colocate.power.ina3221 import find, readable
from colocate.power.meter import Meter, MeterKind
from tests.power.fakes import EIO, hwmon, iio, write


def only(root: Path) -> Meter:
    (found,) = find(root)
    assert not isinstance(found, Missing)
    return found


def test_hwmon_multiplies_millivolts_by_milliamperes(tmp_path: Path) -> None:
    hwmon(tmp_path, 3, {"VDD_IN": (5040, 1200), "VDD_CPU_GPU_CV": (5032, 400), "VDD_SOC": (5032, 200)})
    meter = only(tmp_path)
    assert meter.rails == ("VDD_IN", "VDD_CPU_GPU_CV", "VDD_SOC")
    assert meter.kind is MeterKind.POWER
    assert meter.declared_period_s == pytest.approx(0.007)
    assert meter.read() == pytest.approx([6.048, 2.0128, 1.0064])
    meter.close()


def test_what_is_not_connected_or_switched_off_is_no_rail(tmp_path: Path) -> None:
    folder = hwmon(tmp_path, 4, {"NC": (0, 0), "VDDQ_VDD2_1V8AO": (4968, 80), "VDD_OFF": (0, 0)})
    (folder / "in3_enable").write_text("0\n")
    meter = only(tmp_path)
    assert meter.rails == ("VDDQ_VDD2_1V8AO",)
    assert meter.read() == pytest.approx([0.39744])
    meter.close()


def test_each_chip_is_a_meter(tmp_path: Path) -> None:
    hwmon(tmp_path, 3, {"VDD_GPU_SOC": (19000, 100), "VDD_CPU_CV": (19000, 50), "VIN_SYS_5V0": (5000, 900)})
    hwmon(tmp_path, 4, {"NC": (0, 0), "VDDQ_VDD2_1V8AO": (5000, 80)})
    (tmp_path / "sys/class/hwmon/hwmon0").mkdir()
    (tmp_path / "sys/class/hwmon/hwmon0/name").write_text("pwmfan\n")
    found = list(find(tmp_path))
    assert [meter.rails for meter in found if not isinstance(meter, Missing)] == [
        ("VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0"),
        ("VDDQ_VDD2_1V8AO",),
    ]
    for meter in found:
        assert not isinstance(meter, Missing)
        meter.close()


def test_iio_of_kernel_4_9_reads_milliwatts_by_the_drivers_names(tmp_path: Path) -> None:
    folder = tmp_path / "sys/bus/i2c/devices/6-0040/iio:device0"
    iio(folder, [("POM_5V_IN", 2533), ("POM_5V_GPU", 0), ("NC", 7)])
    meter = only(tmp_path)
    assert meter.rails == ("POM_5V_IN", "POM_5V_GPU")
    assert meter.declared_period_s is None
    assert meter.read() == pytest.approx([2.533, 0.0])
    meter.close()


@pytest.mark.parametrize("platform", ["", "platform/"])
def test_iio_of_kernel_3_10_takes_the_names_of_the_tx1_module(tmp_path: Path, platform: str) -> None:
    chip = tmp_path / f"sys/devices/{platform}7000c400.i2c/i2c-1/1-0040"
    iio(chip / "iio_device", [("", 9500), ("", 3800), ("", 1900)], named=False)
    bus = tmp_path / "sys/bus/i2c/devices"
    bus.mkdir(parents=True)
    (bus / "1-0040").symlink_to(chip)
    meter = only(tmp_path)
    assert meter.rails == ("VDD_IN", "VDD_GPU", "VDD_CPU")
    assert meter.read() == pytest.approx([9.5, 3.8, 1.9])
    meter.close()


def test_unnamed_channels_of_another_chip_are_left_out(tmp_path: Path) -> None:
    iio(tmp_path / "sys/devices/7000c400.i2c/i2c-1/1-0042/iio_device", [("", 9500)], named=False)
    (missing,) = find(tmp_path)
    assert isinstance(missing, Missing)
    assert "modprobe" in missing.fix


def test_a_rail_that_fails_is_nan_and_the_others_are_read(tmp_path: Path) -> None:
    folder = hwmon(tmp_path, 0, {"VDD_IN": (19000, 500), "VDD_GPU": (19000, 100), "VDD_CPU": (19000, 50)})
    (folder / "curr2_input").unlink()
    (folder / "curr2_input").symlink_to(EIO)
    meter = only(tmp_path)
    (whole, gpu, cpu) = meter.read()
    assert (whole, cpu) == pytest.approx((9.5, 0.95))
    assert math.isnan(gpu)
    write(folder / "curr3_input", "no number")
    assert math.isnan(meter.read()[2])
    meter.close()


def test_what_cannot_be_opened_is_missing_with_its_name(tmp_path: Path) -> None:
    folder = hwmon(tmp_path, 0, {"VDD_IN": (19000, 500)})
    assert readable(tmp_path)
    (folder / "curr1_input").unlink()
    assert not readable(tmp_path)
    (missing,) = find(tmp_path)
    assert isinstance(missing, Missing)
    assert "curr1_input" in missing.reason
