"""Stressors by name, and what is said of one that there is not or that cannot run here."""

from __future__ import annotations

import sys

import pytest

from cpu_workloads.registry import STRESSORS, fix, load, names
from cpu_workloads.stressor import StressorError

NEEDED = {"bitcount": "cpu_workloads._kernels", "stringsearch-scan": "cpu_workloads._kernels", "jpeg-small": "PIL"}


@pytest.fixture(params=NEEDED)
def name_without_what_it_needs(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A stressor on a machine that does not have the module it needs."""
    name: str = request.param
    # A module that is None there counts as absent, however the package is installed.
    monkeypatch.setitem(sys.modules, NEEDED[name], None)
    monkeypatch.delitem(sys.modules, STRESSORS[name].partition(":")[0], raising=False)
    return name


@pytest.mark.parametrize("name", names())
def test_every_registered_stressor_carries_its_name(name: str) -> None:
    if not name.startswith("jpeg"):
        pytest.importorskip("cpu_workloads._kernels", reason="the C kernels are not built")
    assert load(name).name == name
    assert fix(name) == ""


def test_every_load_is_a_new_stressor() -> None:
    assert load("jpeg-small") is not load("jpeg-small")


@pytest.mark.parametrize(
    ("name", "near"), [("bitcuont", "bitcount"), ("jpg", "jpeg"), ("comand", "command"), ("stringsearch-", "string")]
)
def test_an_unknown_name_gets_the_nearest(name: str, near: str) -> None:
    with pytest.raises(StressorError, match=f"no stressor named '{name}'; did you mean '{near}") as failed:
        load(name)
    assert failed.value.exit_code == 2
    assert fix(name) == str(failed.value)


def test_what_is_missing_comes_with_its_fix(name_without_what_it_needs: str) -> None:
    name = name_without_what_it_needs
    with pytest.raises(StressorError, match=f"^{name} cannot run: .*pip install") as failed:
        load(name)
    assert failed.value.exit_code == 3
    assert fix(name) == str(failed.value)
    assert ("gcc" in fix(name)) == (NEEDED[name] == "cpu_workloads._kernels")


def test_a_fault_of_ours_is_not_taken_for_something_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STRESSORS, "odd", "cpu_workloads.no_such_file:Odd")
    with pytest.raises(ModuleNotFoundError, match="no_such_file"):
        load("odd")
