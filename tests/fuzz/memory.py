"""So much memory for a process and all that it starts: a cgroup, or where none can be made a limit on its data."""

from __future__ import annotations

import contextlib
import os
import resource
from collections.abc import Iterator
from pathlib import Path

LIMIT_BYTES = 1 << 30
_ROOT = Path("/sys/fs/cgroup")
# A hierarchy with the memory controller, a file that it has, and the file of a group's limit: cgroup v2, then v1.
_HIERARCHIES = (
    (_ROOT, "cgroup.subtree_control", "memory.max"),
    (_ROOT / "memory", "memory.stat", "memory.limit_in_bytes"),
)


@contextlib.contextmanager
def group(name: str) -> Iterator[Path | None]:
    """A cgroup of `LIMIT_BYTES`; None where this process may make none. It is empty when the block ends."""
    made = _made(f"colocate-fuzz-{os.getpid()}-{name}")
    try:
        yield made
    finally:
        if made is not None:
            with contextlib.suppress(OSError):
                made.rmdir()


def enter(made: Path | None) -> None:
    """Put this process, and all that it starts, inside the limit from here on."""
    if made is not None:
        (made / "cgroup.procs").write_text(str(os.getpid()))
        return
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    own = int(status["VmData"].split()[0]) << 10
    resource.setrlimit(resource.RLIMIT_DATA, (own + LIMIT_BYTES, own + LIMIT_BYTES))


def _made(name: str) -> Path | None:
    for folder, own, limit in _HIERARCHIES:
        made = folder / name
        # Below /sys/fs/cgroup a folder of cgroup v1 may be an ordinary one.
        if not (folder / own).exists():
            continue
        try:
            made.mkdir()
        except OSError:
            continue
        try:
            with (made / limit).open("r+") as file:
                file.write(str(LIMIT_BYTES))
        except OSError:
            made.rmdir()
            continue
        return made
    return None
