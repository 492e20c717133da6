"""Run one command in a small virtual machine whose kernel has a Jetson TX1's clocks and meters (board.c).

The guest's root is the host's file system under an overlay: every program, library and virtual environment
of the host is there at its own path, every path may be written, and nothing written reaches the host but what
is in the `out` folder. The kernel is Debian's own. QEMU runs it without KVM even where there is one: hosted
test machines have none, and a board that differs between machines is of no use.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import platform
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
BOOT = Path("/boot")
MODULES = Path("/lib/modules")
QEMU = "qemu-system-x86_64"
TOOLS = (QEMU, "busybox", "modprobe", "make", "setpriv", "nice")
GUEST_CPUS = 4
GUEST_MEMORY_MIB = 2048

# Enough to mount the host's file system; everything else is loaded from there.
EARLY_MODULES = ("virtio_pci", "9pnet_virtio", "9p", "overlay")
GOVERNORS = ("governor_simpleondemand", "cpufreq_powersave", "cpufreq_userspace", "cpufreq_ondemand")

# `cache=mmap`: SQLite's write-ahead log maps a shared file, which an uncached 9p mount refuses.
EARLY_INIT = """#!/bin/busybox sh
b=/bin/busybox
for ko in {early}; do $b insmod /$ko; done
$b mkdir -p /host /rw /root
$b mount -t 9p -o ro,trans=virtio,version=9p2000.L,msize=524288,cache=loose root /host
$b mount -t tmpfs rw /rw
$b mkdir /rw/upper /rw/work
$b mount -t overlay -o lowerdir=/host,upperdir=/rw/upper,workdir=/rw/work root /root
$b mount -t devtmpfs dev /root/dev
$b mount -t proc proc /root/proc
$b mount -t sysfs sys /root/sys
$b mount -t debugfs debug /root/sys/kernel/debug
$b mount -t cgroup2 cgroup /root/sys/fs/cgroup
$b mount -t tmpfs run /root/run
$b mkdir -p /root/dev/shm /root/dev/pts /root/run/board {out}
$b mount -t tmpfs shm /root/dev/shm
$b mount -t devpts pts /root/dev/pts
$b ln -s /proc/self/fd /root/dev/fd
$b mount -t 9p -o trans=virtio,version=9p2000.L,msize=524288 board /root/run/board
$b mount -t 9p -o trans=virtio,version=9p2000.L,msize=524288,cache=mmap out {out}
exec $b switch_root /root /bin/sh /run/board/command.sh
"""

COMMAND = """echo board >/proc/sys/kernel/hostname
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
modprobe -a {governors} && insmod /run/board/board.ko && cd {cwd} && {{
read boot_s _ </proc/uptime && echo $boot_s >/run/board/boot_s
{command} </dev/null >/run/board/stdout 2>/run/board/stderr
echo $? >/run/board/exit_code
}}
sync
echo o >/proc/sysrq-trigger
sleep 60
"""


class BoardError(Exception):
    """The board could not be built, did not boot, or did not finish in time; the message ends with what it said."""


@dataclass(frozen=True, slots=True)
class Completed:
    """What the command left behind; `boot_s` is the guest's uptime when it began."""

    exit_code: int
    stdout: str
    stderr: str
    boot_s: float


def kernel_release() -> str | None:
    """The newest installed kernel that has an image and headers; cloud kernels have no devfreq."""
    complete = [
        folder
        for folder in MODULES.glob("*-amd64")
        if "cloud" not in folder.name
        and (folder / "build/Makefile").exists()
        and (BOOT / f"vmlinuz-{folder.name}").exists()
    ]
    versions = {folder.name: [int(number) for number in re.findall(r"\d+", folder.name)] for folder in complete}
    return max(versions, key=versions.__getitem__, default=None)


def missing() -> str | None:
    """Why the board cannot run here, or None when it can; meant for `pytest.skip`."""
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        return "the board runs on x86-64 Linux only"
    absent = [tool for tool in TOOLS if shutil.which(tool) is None]
    if absent:
        return f"no {', '.join(absent)}: run tests/board_vm/install.sh"
    if kernel_release() is None:
        return "no kernel image with headers (not a cloud one): run tests/board_vm/install.sh"
    return None


def run_in_board(command: Sequence[str], timeout_s: float, out: Path, cwd: Path | None = None) -> Completed:
    """Boot the board, run `command` as root in `cwd`, and switch it off.

    `out` is created, and the guest sees it at the same path; only what the guest writes there outlives it.
    `timeout_s` covers boot and command, in the host's time. One board runs at a time: two emulated ones are slower
    together than one after the other. Raises BoardError.
    """
    release = kernel_release()
    if release is None:
        raise BoardError("no kernel to boot")
    out = out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="board-") as folder:
        work = Path(folder)
        shared = work / "shared"
        shared.mkdir()
        _build_module(release, shared)
        (shared / "command.sh").write_text(
            COMMAND.format(
                governors=" ".join(GOVERNORS),
                cwd=shlex.quote(str((cwd or Path.cwd()).resolve())),
                command=shlex.join(command),
            )
        )
        initramfs = _build_initramfs(release, work, out)
        argv = _qemu_argv(release, work, initramfs, {"root": Path("/"), "board": shared, "out": out})
        with _alone():
            _boot(argv, work, timeout_s)
        if not (shared / "exit_code").exists():
            raise BoardError(f"the board did not run the command to its end:\n{_last_words(work)}")
        return Completed(
            exit_code=int((shared / "exit_code").read_text()),
            stdout=(shared / "stdout").read_text(),
            stderr=(shared / "stderr").read_text(),
            boot_s=float((shared / "boot_s").read_text()),
        )


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    with Path(tempfile.gettempdir(), f"colocate-tests-board-{os.getuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build_module(release: str, folder: Path) -> None:
    for name in ("board.c", "Makefile"):
        shutil.copy(HERE / name, folder)
    _checked(["nice", "make", "-C", f"{MODULES}/{release}/build", f"M={folder}", "modules"])


def _build_initramfs(release: str, work: Path, out: Path) -> Path:
    """A busybox, the early modules in loading order, and the script that mounts the host."""
    tree = work / "initramfs"
    (tree / "bin").mkdir(parents=True)
    busybox = shutil.which("busybox")
    assert busybox is not None
    shutil.copy(busybox, tree / "bin")
    early: list[str] = []
    for module in EARLY_MODULES:
        for line in _checked(["modprobe", "-S", release, "--show-depends", module]).splitlines():
            verb, *rest = line.split()
            if verb == "insmod" and Path(rest[0]).name not in early:
                shutil.copy(rest[0], tree)
                early.append(Path(rest[0]).name)
    init = tree / "init"
    init.write_text(EARLY_INIT.format(early=" ".join(early), out=shlex.quote(f"/root{out}")))
    init.chmod(0o755)
    names = "\n".join(str(path.relative_to(tree)) for path in sorted(tree.rglob("*")))
    archive = work / "initramfs.cpio"
    with archive.open("wb") as file:
        pack = ["busybox", "cpio", "-o", "-H", "newc"]
        subprocess.run(pack, cwd=tree, input=names.encode(), stdout=file, stderr=subprocess.DEVNULL, check=True)
    return archive


def _qemu_argv(release: str, work: Path, initramfs: Path, folders: dict[str, Path]) -> list[str]:
    """`folders` are 9p mount tags and what they show; the one named root is read-only."""
    argv = ["setpriv", "--pdeathsig", "KILL", "nice", "-n", "10", QEMU]
    argv += ["-accel", "tcg,thread=multi", "-cpu", "max", "-smp", f"{GUEST_CPUS}", "-m", f"{GUEST_MEMORY_MIB}"]
    argv += ["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"]
    argv += ["-serial", f"file:{work / 'console'}"]
    argv += ["-kernel", str(BOOT / f"vmlinuz-{release}"), "-initrd", str(initramfs)]
    # Where others use the host, the emulated timer may come too late for the kernel's look at it: a panic.
    # `norandmaps`: code that was translated for one process serves the next where it has the same address.
    kernel = "console=ttyS0 quiet panic=-1 mitigations=off random.trust_cpu=on no_timer_check norandmaps"
    argv += ["-append", kernel]
    for tag, folder in folders.items():
        # A comma inside an option's value is written twice.
        options = f"local,id={tag},path={str(folder).replace(',', ',,')},security_model=none,multidevs=remap"
        argv += ["-fsdev", options + ",readonly=on" * (tag == "root")]
        argv += ["-device", f"virtio-9p-pci,fsdev={tag},mount_tag={tag}"]
    return argv


def _boot(argv: Sequence[str], work: Path, timeout_s: float) -> None:
    """Run the machine until it switches itself off."""
    with (
        (work / "qemu").open("wb") as complaints,
        subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=complaints, stderr=complaints) as qemu,
    ):
        try:
            qemu.wait(timeout_s)
        except subprocess.TimeoutExpired:
            said = _last_words(work)
            raise BoardError(f"the board was still running after {timeout_s:g} s:\n{said}") from None
        finally:
            qemu.kill()


def _last_words(work: Path) -> str:
    """The last lines of QEMU, of the console and of the command, whichever there are."""
    sources = (work / "qemu", work / "console", work / "shared/stdout", work / "shared/stderr")
    texts = [source.read_text(errors="replace") for source in sources if source.exists()]
    return "\n".join(line for text in texts for line in text.splitlines()[-60:])


def _checked(argv: Sequence[str]) -> str:
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode != 0:
        raise BoardError(f"{shlex.join(argv)}:\n{done.stdout}{done.stderr}")
    return done.stdout
