from __future__ import annotations

import contextlib
import math
import os
from pathlib import Path

import pytest

from colocate.power.files import PowerFiles, open_number, read_number, text, update_interval_s
from tests.power.fakes import EIO, write


def descriptors() -> set[str]:
    return set(os.listdir("/proc/self/fd"))  # noqa: PTH208 - a Path would be opened while it is listed


def test_a_number_is_what_the_file_shows_now(tmp_path: Path) -> None:
    path = tmp_path / "energy_uj"
    write(path, 5)
    before = descriptors()
    with contextlib.ExitStack() as stack:
        descriptor = open_number(path, stack)
        assert read_number(descriptor) == 5.0
        write(path, 262_143_328_850)
        assert read_number(descriptor) == 262_143_328_850.0
        write(path, "no number")
        assert math.isnan(read_number(descriptor))
        assert math.isnan(read_number(open_number(EIO, stack)))
    assert descriptors() == before


def test_a_rail_is_the_product_of_its_files(tmp_path: Path) -> None:
    millivolts, milliamperes, milliwatts = (tmp_path / name for name in ("in1", "curr1", "power1"))
    for path, value in ((millivolts, 5040), (milliamperes, 1200), (milliwatts, 2533)):
        write(path, value)
    chip = PowerFiles({"VDD_IN": (millivolts, milliamperes)}, 1e-6, 0.007)
    assert (chip.rails, chip.declared_period_s) == (("VDD_IN",), 0.007)
    assert chip.read() == pytest.approx([6.048])
    chip.close()
    chip = PowerFiles({"POM_5V_IN": (milliwatts,)}, 1e-3, None)
    assert chip.read() == pytest.approx([2.533])
    chip.close()


def test_one_file_that_cannot_be_opened_lets_the_others_go(tmp_path: Path) -> None:
    write(tmp_path / "in1", 5000)
    before = descriptors()
    with pytest.raises(FileNotFoundError, match="curr1"):
        PowerFiles({"VDD_IN": (tmp_path / "in1", tmp_path / "curr1")}, 1e-6, None)
    assert descriptors() == before


@pytest.mark.parametrize(
    ("shown", "period_s"), [("7", 0.007), ("1000", 1.0), ("0", None), ("", None), ("-1", None), ("fast", None)]
)
def test_a_declared_period_is_in_milliseconds(tmp_path: Path, shown: str, period_s: float | None) -> None:
    assert update_interval_s(tmp_path) is None
    (tmp_path / "update_interval").write_text(f"{shown}\n")
    assert update_interval_s(tmp_path) == period_s


def test_a_file_that_cannot_be_read_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "name").write_text("ina3221\n")
    assert (text(tmp_path / "name"), text(tmp_path / "label"), text(tmp_path)) == ("ina3221", "", "")
