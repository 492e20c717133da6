"""Debians in folders: an older Python or another processor beside this machine's own.

mmdebstrap makes them from Debian's packages, as root. That takes minutes, so they are made on request alone, and
kept: `COLOCATE_ROOTS=FOLDER python -m pytest tests/debian tests/arm64`. Wheels are fetched by this Python's pip, and
nothing inside of a root needs a network.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

KEPT = os.environ.get("COLOCATE_ROOTS")
EMULATOR = Path("/proc/sys/fs/binfmt_misc/qemu-aarch64")
# An emulator may show this machine's own processors there, for which no library of another is made.
CPUINFO = "srv/cpuinfo"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# In a mount namespace of its own, so that what is mounted goes with the command. Nothing inside sees this machine's
# cgroups. $1 is the root.
_INSIDE = f"""
mount --rbind /dev "$1/dev"
mount -t proc proc "$1/proc"
mount -t sysfs sysfs "$1/sys"
[ ! -e "$1/{CPUINFO}" ] || mount --bind "$1/{CPUINFO}" "$1/proc/cpuinfo"
root=$1 folder=$2; shift 2
exec chroot "$root" sh -c 'cd "$0" && exec "$@"' "$folder" "$@"
"""


@dataclass(frozen=True, slots=True)
class Debian:
    """A release for one architecture, with packages; `python` is the version that it has."""

    release: str
    architecture: str
    machine: str
    python: str
    packages: tuple[str, ...]

    @property
    def folder(self) -> Path:
        """Where it is kept."""
        assert KEPT is not None, "see `missing`"
        return Path(KEPT).resolve() / f"{self.release}-{self.architecture}"


BULLSEYE = Debian("bullseye", "amd64", "x86_64", "3.9", ("python3", "python3-numpy"))
ARM64 = Debian("bookworm", "arm64", "aarch64", "3.11", ("python3", "python3-dev", "python3-venv", "gcc", "libc6-dev"))


def missing(debian: Debian) -> str | None:
    """Why it cannot be made or run here, or None; meant for `pytest.skip`."""
    if KEPT is None:
        return "it takes minutes to make a Debian: COLOCATE_ROOTS=FOLDER, in which it is kept"
    if os.getuid() != 0:
        return "a Debian in a folder needs root"
    if shutil.which("mmdebstrap") is None:
        return "no mmdebstrap: run tests/debian/install.sh"
    if debian.machine != os.uname().machine and not EMULATOR.exists():
        return f"no emulator runs programs for {debian.machine} here: run tests/debian/install.sh"
    return None


def made(debian: Debian) -> Path:
    """Its folder, with the Debian in it: made now if it was not before."""
    folder = debian.folder
    if not folder.exists():
        unfinished = folder.with_name(f"{folder.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        # A folder that a crash spoils is made again: dpkg need not wait for the disk.
        options = ["--quiet", "--mode=root", "--variant=minbase", "--dpkgopt=force-unsafe-io"]
        chosen = [f"--architectures={debian.architecture}", f"--include={','.join(debian.packages)}"]
        checked(["mmdebstrap", *options, *chosen, debian.release, str(unfinished)])
        unfinished.rename(folder)
    return folder


def pip(verb: str, debian: Debian, *arguments: str | Path) -> None:
    """`pip install` or `pip download` for that Debian's Python, with this one's pip."""
    glibc = ("2_28", "2_27", "2_17", "2014")
    platforms = [f"--platform=manylinux{'' if each == '2014' else '_'}{each}_{debian.machine}" for each in glibc]
    options = ["--quiet", "--only-binary=:all:", f"--python-version={debian.python}", *platforms]
    checked([sys.executable, "-m", "pip", verb, *options, *map(str, arguments)])


def inside(
    root: Path, folder: str, command: Sequence[str], env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """What a command came to in a folder of the root, with /proc and /sys of its own."""
    shell = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-ec", _INSIDE, "sh", str(root), folder]
    own = {"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8", **(env or {})}
    return subprocess.run([*shell, *command], capture_output=True, text=True, env=own)


def checked(command: Sequence[str]) -> None:
    """Run it; what it says is the message of its failure."""
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{shlex.join(command)}:\n{done.stdout}{done.stderr}"
