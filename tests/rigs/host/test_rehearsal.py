"""What cannot run at all is said before the first window."""

from __future__ import annotations

import os

import pytest

from colocate.errors import SpecError
from colocate.model.request import Task
from colocate.rigs.host.rig import HostRig
from tests.rigs.host.trials import CPUS, trial


def test_a_program_that_fails_is_refused_before_the_first_window() -> None:
    mine = Task("mine", ("sh", "-c", "echo no such camera >&2; exit 3"))
    with (
        pytest.raises(SpecError, match=r"task 'mine' failed \(3\): no such camera"),
        HostRig().opened([trial(None, mine)]),
    ):
        pytest.fail("it was opened")
    assert os.sched_getaffinity(0) == set(CPUS)


def test_a_program_of_a_mix_that_fails_is_named() -> None:
    mine = Task("mine", ("sh", "-c", "echo no such camera >&2; exit 3"))
    mix = Task("both", parts=(Task("stringsearch"), mine))
    with (
        pytest.raises(SpecError, match=r"task 'mine' failed \(3\): no such camera"),
        HostRig().opened([trial(None, mix)]),
    ):
        pytest.fail("it was opened")
