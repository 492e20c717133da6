"""Run a program as another user."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cpu_workloads.program import ProgramError


@dataclass(frozen=True)
class User:
    """A user: name, numbers of the user and its groups, and home folder."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str

    @classmethod
    def named(cls, name: str) -> User:
        """Return the user `name`. Raises ProgramError if there is none, or if this process may not act as
        that user.
        """
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            raise ProgramError(f"there is no user {name!r} here") from None
        if os.geteuid() not in (0, entry.pw_uid):
            raise ProgramError(f"only root may run a task as {name!r}: run colocate as root, or leave out the user")
        return cls(name, entry.pw_uid, entry.pw_gid, tuple(os.getgrouplist(name, entry.pw_gid)), entry.pw_dir)

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables that name the user: HOME, USER and LOGNAME."""
        return {"HOME": self.home, "USER": self.name, "LOGNAME": self.name}

    @property
    def numbers(self) -> str:
        """The numbers of the user, its group and all its groups, as UID:GID:GROUPS."""
        return f"{self.uid}:{self.gid}:{','.join(map(str, self.groups))}"

    def popen_options(self, environment: Mapping[str, str]) -> dict[str, Any]:
        """The options of Popen that start a process as this user; `environment` is added to its variables."""
        options: dict[str, Any] = {"env": {**os.environ, **self.environment, **environment}}
        if os.geteuid() == self.uid:
            return options
        return {**options, "user": self.uid, "group": self.gid, "extra_groups": list(self.groups)}

    def check(self, pid: int) -> None:
        """Raise ProgramError unless all user and group ids of the process are this user's."""
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            key, _, numbers = line.partition(":")
            if key in ("Uid", "Gid") and set(numbers.split()) != {str(self.uid if key == "Uid" else self.gid)}:
                raise ProgramError(
                    f"the task was to run as {self.name!r}, and has {key.lower()} {numbers.split()[0]}"
                )
