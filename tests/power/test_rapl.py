from __future__ import annotations

import math
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colocate.model.machine import Missing
from colocate.power.meter import MeterKind
from colocate.power.rapl import RaplPackage, find
from tests.power.fakes import EIO, rapl, write


@given(
    highest=st.integers(10, 10**12),
    begin=st.integers(0, 10**12),
    spent_uj=st.lists(st.integers(0, 10**12), max_size=20),
)
def test_energy_is_what_was_spent_however_often_the_counter_wrapped(
    highest: int, begin: int, spent_uj: list[int]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        now = begin % (highest + 1)
        zone = rapl(Path(folder), 0, now, highest)
        meter = RaplPackage(zone)
        total = 0
        for spent in spent_uj:
            # Read at least once a turn, which is all that a counter without carry can give.
            spent %= highest + 1
            total += spent
            now = (now + spent) % (highest + 1)
            write(zone / "energy_uj", now)
            assert meter.read() == pytest.approx((total * 1e-6,), rel=1e-12, abs=1e-12)
        meter.close()


def test_packages_are_meters_and_their_parts_are_not(tmp_path: Path) -> None:
    rapl(tmp_path, 0, 5)
    rapl(tmp_path, 1, 5)
    psys = tmp_path / "sys/class/powercap/intel-rapl:2"
    psys.mkdir()
    (psys / "name").write_text("psys\n")
    found = list(find(tmp_path))
    assert [meter.rails for meter in found if not isinstance(meter, Missing)] == [
        ("rapl:package-0",),
        ("rapl:package-1",),
    ]
    for meter in found:
        assert not isinstance(meter, Missing)
        assert meter.kind is MeterKind.ENERGY
        meter.close()


def test_a_failed_reading_is_nan_and_loses_no_energy(tmp_path: Path) -> None:
    zone = rapl(tmp_path, 0, 1_000_000)
    meter = RaplPackage(zone)
    write(zone / "energy_uj", "")
    assert math.isnan(meter.read()[0])
    write(zone / "energy_uj", 3_000_000)
    assert meter.read() == (2.0,)
    meter.close()


@pytest.mark.parametrize("closed", [["energy_uj"], ["max_energy_range_uj", "energy_uj"]])
def test_a_counter_for_root_only_is_missing_with_a_fix_that_names_every_file(
    closed: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zone = rapl(tmp_path, 0, 1)
    for name in closed:
        (zone / name).unlink()
        (zone / name).symlink_to(EIO)
    # Root, as whom tests may run, may read every file.
    monkeypatch.setattr(os, "access", lambda path, _: path.name not in closed)
    (missing,) = find(tmp_path)
    assert isinstance(missing, Missing)
    assert missing.fix == f"run as root, or: sudo chmod a+r {' '.join(str(zone / name) for name in closed)}"


def test_no_counter_is_missing_with_a_fix(tmp_path: Path) -> None:
    (missing,) = find(tmp_path)
    assert isinstance(missing, Missing)
    assert "modprobe" in missing.fix
