from __future__ import annotations

import math
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from colocate.model.machine import Missing
from colocate.power.jtop import find
from colocate.power.meter import Meter
from tests.power.fakes import hwmon

# What jetson-stats 4 shows on a Xavier NX, whose total is a rail.
XAVIER_NX = {
    "rail": {
        "VDD_CPU_GPU_CV": {"volt": 4928, "curr": 216, "power": 1064, "online": True, "avg": 806},
        "VDD_SOC": {"volt": 4936, "curr": 312, "power": 1540, "online": True, "avg": 1524},
        "NC": {"volt": 0, "curr": 0, "power": 0, "online": False, "avg": 0},
    },
    "tot": {"volt": 4936, "curr": 1040, "power": 5133, "online": True, "avg": 4800, "name": "VDD_IN"},
}


class Client:
    """jtop.jtop as documented: a thread; `ok` waits for the next update, `power` shows the latest."""

    power: Any = XAVIER_NX
    answers = True

    def __init__(self, interval: float) -> None:
        self.alive = False
        Client.latest = self

    latest: Client

    def start(self) -> None:
        if not self.answers:
            raise JtopException("I can't access jtop.service")
        self.alive = True

    def ok(self) -> bool:
        return self.alive

    def is_alive(self) -> bool:
        return self.alive

    def close(self) -> None:
        self.alive = False


class JtopException(Exception):  # noqa: N818 - the package's own name
    pass


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    module = ModuleType("jtop")
    monkeypatch.setattr(module, "jtop", Client, raising=False)
    monkeypatch.setattr(module, "JtopException", JtopException, raising=False)
    monkeypatch.setitem(sys.modules, "jtop", module)
    (tmp_path / "run").mkdir()
    (tmp_path / "run/jtop.sock").touch()
    return tmp_path


def only(root: Path) -> Meter | Missing:
    (found,) = find(root)
    return found


def test_rails_and_the_total_that_is_one(board: Path) -> None:
    meter = only(board)
    assert not isinstance(meter, Missing)
    assert meter.rails == ("VDD_CPU_GPU_CV", "VDD_SOC", "VDD_IN")
    assert meter.read() == pytest.approx([1.064, 1.54, 5.133])
    assert meter.declared_period_s == 1.0
    meter.close()
    assert not Client.latest.alive


@pytest.mark.parametrize("name", [{}, {"name": "ALL"}])
def test_a_total_that_jtop_added_up_is_no_rail(
    board: Path, monkeypatch: pytest.MonkeyPatch, name: dict[str, str]
) -> None:
    power = {"rail": XAVIER_NX["rail"], "tot": {"power": 9, "online": True, **name}}
    monkeypatch.setattr(Client, "power", power)
    meter = only(board)
    assert not isinstance(meter, Missing)
    assert meter.rails == ("VDD_CPU_GPU_CV", "VDD_SOC")
    meter.close()


def test_a_service_that_ended_gives_no_reading(board: Path) -> None:
    meter = only(board)
    Client.latest.alive = False
    assert not isinstance(meter, Missing)
    assert all(map(math.isnan, meter.read()))


def test_monitors_that_can_be_read_directly_are_not_read_twice(board: Path) -> None:
    hwmon(board, 0, {"VDD_IN": (5000, 1000)})
    assert list(find(board)) == []


def test_whatever_is_missing_has_its_fix(board: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Client, "answers", False)
        missing = only(board)
        assert isinstance(missing, Missing)
        assert "usermod" in missing.fix
    with monkeypatch.context() as patch:
        patch.setattr(Client, "power", (5133, {}))
        missing = only(board)
        assert isinstance(missing, Missing)
        assert "jetson-stats 4" in missing.reason
        assert not Client.latest.alive
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "jtop", None)
        missing = only(board)
        assert isinstance(missing, Missing)
        assert missing.fix == "pip install jetson-stats"
    (board / "run/jtop.sock").unlink()
    missing = only(board)
    assert isinstance(missing, Missing)
    assert "restart jtop" in missing.fix
