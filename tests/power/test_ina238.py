from __future__ import annotations

from pathlib import Path

import pytest

from colocate.model.machine import Missing
from colocate.power.ina238 import find
from tests.power.fakes import write


def chip(root: Path, **files: str) -> Path:
    folder = root / "sys/class/hwmon/hwmon2"
    folder.mkdir(parents=True)
    for name, content in {"name": "ina238", **files}.items():
        (folder / name).write_text(f"{content}\n")
    write(folder / "power1_input", 38_250_000)
    return folder


def test_microwatts_are_read(tmp_path: Path) -> None:
    chip(tmp_path)
    (meter,) = find(tmp_path)
    assert not isinstance(meter, Missing)
    assert meter.rails == ("VIN",)
    assert meter.declared_period_s is None
    assert meter.read() == pytest.approx([38.25])
    meter.close()


def test_a_label_of_the_device_tree_is_the_name(tmp_path: Path) -> None:
    chip(tmp_path, label="VDD_SYS", update_interval="5")
    (meter,) = find(tmp_path)
    assert not isinstance(meter, Missing)
    assert meter.rails == ("VDD_SYS",)
    assert meter.declared_period_s == pytest.approx(0.005)
    meter.close()


def test_without_a_chip_it_is_missing_with_a_fix(tmp_path: Path) -> None:
    (missing,) = find(tmp_path)
    assert isinstance(missing, Missing)
    assert "modprobe ina238" in missing.fix


def test_a_chip_that_cannot_be_opened_is_missing_with_its_name(tmp_path: Path) -> None:
    (chip(tmp_path) / "power1_input").unlink()
    (missing,) = find(tmp_path)
    assert isinstance(missing, Missing)
    assert "power1_input" in missing.reason and "chmod a+r" in missing.fix
