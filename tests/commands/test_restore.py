"""`colocate restore`: what it says, of a machine on which a killed sweep left something and of one without."""

from __future__ import annotations

from pathlib import Path

import pytest

from colocate.cli import run as cli
from colocate.errors import RestoreError
from colocate.host.cpus import cpuset
from colocate.host.restore import journal
from colocate.host.restore.journal import Repair
from colocate.host.sysfs import Sysfs


@pytest.mark.parametrize(
    ("repair", "said"),
    [
        (None, "Nothing to restore.\n"),
        (
            Repair((), rebooted=True),
            "The machine was rebooted since, which reset every clock; the journal is removed.\n",
        ),
        (
            Repair(("/sys/a: 1 -> 2", "/sys/b: x -> y"), rebooted=False),
            "Restored 2 settings\n  /sys/a: 1 -> 2\n  /sys/b: x -> y\n",
        ),
        (Repair(("/sys/a: 1 -> 2",), rebooted=False), "Restored 1 setting\n  /sys/a: 1 -> 2\n"),
    ],
)
def test_what_was_put_back_is_said(
    repair: Repair | None, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    done: list[str] = []

    def restored(sysfs: Sysfs, folder: Path) -> Repair | None:
        assert folder == journal.state_folder()
        done.append("knobs")
        return repair

    monkeypatch.setattr(cpuset, "remove_stale_groups", lambda: done.append("cpusets"))
    monkeypatch.setattr(journal, "restore", restored)
    assert cli(["restore"]) == 0
    assert capsys.readouterr().out == said
    assert done == ["cpusets", "knobs"]


def test_a_knob_that_does_not_go_back_is_in_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stuck(sysfs: Sysfs, folder: Path) -> Repair:
        raise RestoreError("/sys/a: wanted 1, found 2")

    monkeypatch.setattr(cpuset, "remove_stale_groups", lambda: None)
    monkeypatch.setattr(journal, "restore", stuck)
    assert cli(["restore"]) == 6
    assert capsys.readouterr().err == "colocate: /sys/a: wanted 1, found 2\n"
