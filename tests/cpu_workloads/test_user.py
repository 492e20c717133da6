"""As whom a program runs: dropped before it starts, and read back."""

from __future__ import annotations

import os
import pwd
import subprocess

import pytest

from cpu_workloads.program import ProgramError
from cpu_workloads.user import User

ME = pwd.getpwuid(os.geteuid()).pw_name
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
SHOW = "grep -E '^(Uid|Gid):' /proc/self/status; id -G; echo $HOME $A"


def test_nobody_is_a_user_who_does_not_exist() -> None:
    with pytest.raises(ProgramError, match="there is no user 'no-such-user' here"):
        User.named("no-such-user")


def test_only_root_may_become_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(ProgramError, match=r"only root may run a task as 'root'.*leave out the user"):
        User.named("root")


@AS_ROOT
def test_another_users_numbers_groups_and_home_are_its_own() -> None:
    nobody = User.named("nobody")
    options = nobody.popen_options({"A": "1"})
    shown = subprocess.run(["sh", "-c", SHOW], capture_output=True, text=True, check=True, **options).stdout.split()
    uid, gid, groups = str(nobody.uid), str(nobody.gid), [str(group) for group in nobody.groups]
    assert shown == ["Uid:", *4 * [uid], "Gid:", *4 * [gid], *groups, nobody.home, "1"]


@AS_ROOT
def test_a_process_of_someone_else_is_refused() -> None:
    with pytest.raises(ProgramError, match="was to run as 'nobody', and has uid 0"):
        User.named("nobody").check(os.getpid())
    User.named(ME).check(os.getpid())


def test_ones_own_name_changes_nothing() -> None:
    assert "user" not in User.named(ME).popen_options({})
