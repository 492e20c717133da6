"""What the runners of a user's programs are asked for, and how a failure is told."""

from __future__ import annotations

import dataclasses
import os
import pwd
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colocate.host.cpus.cpuset import Seat
from colocate.model.command import Command
from colocate.model.request import Task
from colocate.rigs.host.own_programs import (
    SAID_CHARACTERS,
    caller,
    failure_words,
    last_words,
    request_of,
    runners,
)
from cpu_workloads.command_request import CommandRequest, from_json

ENCODER = Task("encoder", ("encode", "in.mp4"))
SERVICE = dataclasses.replace(ENCODER, command=Command(run="service"))
SEAT = Seat((2, 3))


def asked(task: Task, output: int | None = None) -> list[tuple[CommandRequest, tuple[int, ...]]]:
    return [(from_json(command[-1]), seat.cpus) for command, seat in runners(task, SEAT, output)]


def test_a_program_runs_once_on_all_cpus() -> None:
    assert asked(ENCODER) == [(CommandRequest(ENCODER.argv), (2, 3))]


def test_a_request_says_everything_of_a_command() -> None:
    command = Command(
        run="service",
        ready_after_s=2.0,
        ready_line="up",
        progress="n=(.*)",
        prepare=("make",),
        cleanup=("rm",),
        environment=(("A", "1"),),
        directory="/data",
        user="nobody",
    )
    task = dataclasses.replace(ENCODER, command=command)
    assert request_of(task, 7) == CommandRequest(
        ENCODER.argv, True, True, 2.0, "up", "n=(.*)", ("make",), ("rm",), {"A": "1"}, "/data", "nobody",
        "/proc/self/fd/7",
    )  # fmt: skip


@pytest.fixture
def sudo(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Root, called through sudo by the user of this number."""

    def called_by(uid: str) -> None:
        monkeypatch.setenv("SUDO_UID", uid)
        monkeypatch.setattr(os, "geteuid", lambda: 0)

    return called_by


def test_root_runs_a_program_as_who_called_sudo(sudo: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = pwd.getpwnam("nobody")
    sudo(str(nobody.pw_uid))
    assert request_of(ENCODER, None).user == "nobody"
    as_root = dataclasses.replace(ENCODER, command=Command(user="root"))
    assert request_of(as_root, None).user == "root"
    failed = {"returncode": 1, "stderr": "Permission denied"}
    said = "task 'encoder' failed (1, as user nobody; user = \"root\" gives it root's rights): Permission denied"
    assert failure_words(ENCODER, failed) == said
    assert failure_words(as_root, failed) == "task 'encoder' failed (1): Permission denied"
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert request_of(ENCODER, None).user is None


@pytest.mark.parametrize("uid", ["", "0", "-1", "no number", "4242424242", "9" * 400])
def test_what_names_no_user_is_nobody_who_called(sudo: Callable[[str], None], uid: str) -> None:
    sudo(uid)
    assert caller() is None


def test_only_a_service_that_may_be_paused_runs_on() -> None:
    assert SERVICE.keeps_running
    assert not ENCODER.keeps_running and not dataclasses.replace(SERVICE, pause=False).keeps_running


def test_copies_share_the_cpus_or_have_one_each_and_the_first_prepares() -> None:
    several = dataclasses.replace(ENCODER, command=Command(copies=3, prepare=("make",), cleanup=("rm",)))
    (first, *others) = asked(several)
    assert first == (CommandRequest(ENCODER.argv, prepare=("make",), cleanup=("rm",)), (2, 3))
    assert others == 2 * [(CommandRequest(ENCODER.argv), (2, 3))]
    each = dataclasses.replace(ENCODER, command=Command(copies="per-cpu"))
    assert [cpus for _, cpus in asked(each)] == [(2,), (3,)]


@pytest.mark.parametrize(
    ("task", "failed", "said"),
    [
        (ENCODER, {"returncode": 3, "stderr": "no such camera"}, "task 'encoder' failed (3): no such camera"),
        (ENCODER, {"returncode": -11, "stderr": ""}, "task 'encoder' failed (SIGSEGV): it said nothing"),
        (ENCODER, {"returncode": -40, "stderr": ""}, "task 'encoder' failed (signal 40): it said nothing"),
        (ENCODER, {"returncode": None, "stderr": "its prepare failed"}, "task 'encoder' failed: its prepare failed"),
        (SERVICE, {"returncode": 1, "stderr": "x"}, "task 'encoder' is a service and ended by itself (1): x"),
        (
            SERVICE,
            {"returncode": 0, "stderr": ""},
            "task 'encoder' is a service and ended by itself (0); run = \"repeat\" starts it again: it said nothing",
        ),
    ],
)
def test_a_failure_is_one_line(task: Task, failed: dict[str, Any], said: str) -> None:
    assert failure_words(task, failed) == said


def test_the_last_telling_lines_are_kept() -> None:
    traceback = (
        'Traceback (most recent call last):\n  File "x.py", line 1, in <module>\n    f()\nValueError: no camera\n'
    )
    assert last_words(f"opening\n\n{traceback}") == "opening; ValueError: no camera"
    assert last_words("a\nb\nc\nd") == "b; c; d"
    assert last_words("  indented\n") == "indented"
    assert last_words(" \n") == ""


@given(st.text())
def test_whatever_was_said_is_one_line_of_bounded_length(text: str) -> None:
    said = last_words(text)
    assert said.isprintable() and len(said) <= SAID_CHARACTERS + 3
