from __future__ import annotations

import dataclasses
import os
import pwd
from pathlib import Path

import pytest

from colocate.errors import SpecError
from colocate.model.command import Command
from colocate.model.request import Inference, Pipeline, Task
from colocate.model.trial import Trial
from colocate.rigs.host.startable import check_programs
from tests.rigs.host.trials import trial


def running(**command: object) -> Trial:
    mine = Task("mine", ("true",), command=Command(**command))  # type: ignore[arg-type]
    return trial(task=Task("mix", parts=(Task("jpeg"), mine)))


def test_what_can_be_started_is_let_pass(tmp_path: Path) -> None:
    me = pwd.getpwuid(os.geteuid()).pw_name
    check_programs([running(), running(user=me, directory=str(tmp_path)), trial(None)])


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ({"user": "nobody-of-that-name"}, "commands.mine.user: there is no user 'nobody-of-that-name' here"),
        ({"directory": "/nowhere"}, "commands.mine.directory: '/nowhere' is no directory that can be entered"),
        ({"directory": "a\0b"}, "commands.mine.directory: 'a\\x00b' is no directory"),
        ({"prepare": ("nowhere", "x")}, "commands.mine.prepare: cannot start 'nowhere': no such program"),
        ({"cleanup": ("/nowhere",)}, "commands.mine.cleanup: cannot start '/nowhere': no such program"),
        ({"environment": (("PATH", "/nowhere"),)}, "commands.mine: cannot start 'true': no such program"),
        ({"directory": "/etc/passwd"}, "commands.mine.directory: '/etc/passwd' is no directory"),
    ],
)
def test_what_is_not_there_is_refused(command: dict[str, object], said: str) -> None:
    with pytest.raises(SpecError) as caught:
        check_programs([running(**command)])
    assert said in str(caught.value)


def test_a_built_in_task_is_no_program() -> None:
    check_programs([trial(task=Task("jpeg"))])


def test_only_root_becomes_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(SpecError, match=r"commands\.mine\.user: only root may run a task as 'root'"):
        check_programs([running(user="root")])


def test_the_program_of_a_network_is_looked_at_too() -> None:
    cam = Inference("cam", "pipeline", precision="", pipeline=Pipeline(("cam",), directory="/nowhere"))
    with pytest.raises(SpecError, match=r"pipelines\.cam\.directory: '/nowhere'"):
        check_programs([dataclasses.replace(trial(), inference=cam)])
