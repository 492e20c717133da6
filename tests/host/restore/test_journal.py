from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from colocate.errors import HostError
from colocate.host.clocks.find import find_clocks
from colocate.host.restore import journal, session
from colocate.host.restore.journal import Journal, locked, restore
from colocate.host.restore.session import held
from tests.host import boards
from tests.host.boards import BOARDS, BOOT_ID, CPU, Board, Died, Kernel, put
from tests.host.sessions import NoWatchdog, run_session

MAX = f"{CPU}/cpufreq/policy0/scaling_max_freq"
MIN = f"{CPU}/cpufreq/policy0/scaling_min_freq"


@pytest.fixture
def kernel(tmp_path: Path) -> Kernel:
    return boards.TX1.build(tmp_path / "root")


@pytest.fixture
def folder(tmp_path: Path, kernel: Kernel) -> Path:
    """A state folder with the journal of a session that died at the CPU's lowest clock."""
    found = tmp_path / "state"
    found.mkdir()
    journal.write(found, Journal("token", journal.boot_id(kernel), {MIN: "102000", MAX: "1734000"}))
    kernel.write(MAX, "102000")
    return found


def forge(folder: Path, knobs: object, version: int = 1, boot_id: object = None) -> None:
    """A journal whose checksum is right."""
    sign(folder, json.dumps({"token": "t", "boot_id": boot_id, "knobs": knobs}).encode(), version)


def sign(folder: Path, body: bytes, version: int = 1) -> None:
    head = f"colocate-journal {version} {hashlib.sha256(body).hexdigest()}\n"
    (folder / "journal").write_bytes(head.encode() + body)


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)
def test_whenever_the_process_dies_restore_repairs(
    board: Board, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "Watchdog", NoWatchdog)
    folder = tmp_path / "state"
    kernel = board.build(tmp_path / "root")
    before = kernel.state()
    run_session(kernel, folder)
    total = len(kernel.writes)
    for position in range(1, total + 1):
        kernel.writes.clear()
        kernel.dies_at = position
        with pytest.raises(Died):
            run_session(kernel, folder)
        kernel.dead = False
        repair = restore(kernel, folder)
        assert repair is not None and not repair.rebooted
        assert kernel.state() == before, f"died at write {position} of {total}"
        assert restore(kernel, folder) is None


def test_restore_may_itself_die_at_any_write(kernel: Kernel, folder: Path) -> None:
    kernel.write(MIN, "102000")
    kernel.dies_at = len(kernel.writes) + 1
    with pytest.raises(Died):
        restore(kernel, folder)
    kernel.dead = False
    assert restore(kernel, folder) == journal.Repair((MAX,), rebooted=False)
    assert kernel.read(MAX) == "1734000"


def test_without_a_journal_there_is_nothing_to_do(kernel: Kernel, tmp_path: Path) -> None:
    assert restore(kernel, tmp_path / "never made") is None
    assert not (tmp_path / "never made").exists()


def test_a_reboot_has_reset_the_knobs(kernel: Kernel, folder: Path) -> None:
    put(kernel.root, BOOT_ID, "ffffffff-4b5a-4978-8695-a4b3c2d1e0f9")
    kernel.writes.clear()
    assert restore(kernel, folder) == journal.Repair((), rebooted=True)
    assert kernel.writes == [] and restore(kernel, folder) is None


def test_the_journal_of_another_session_is_left_alone(kernel: Kernel, folder: Path) -> None:
    assert restore(kernel, folder, token="other") is None
    assert (folder / "journal").exists()
    assert restore(kernel, folder, token="token") is not None


def test_a_session_refuses_to_start_over_a_journal(kernel: Kernel, folder: Path) -> None:
    kernel.writes.clear()
    with pytest.raises(HostError, match="colocate restore"), held(find_clocks(kernel), ["cpu"], folder, kernel):
        pass
    assert kernel.writes == []


def test_restore_waits_for_the_lock_and_no_longer(kernel: Kernel, folder: Path) -> None:
    with locked(folder), pytest.raises(HostError, match="another colocate process"):
        restore(kernel, folder, wait_s=0.0)


def test_every_flipped_bit_is_noticed(kernel: Kernel, folder: Path) -> None:
    whole = (folder / "journal").read_bytes()
    kernel.writes.clear()
    for position in range(len(whole)):
        for bit in (0, 5):
            torn = bytearray(whole)
            torn[position] ^= 1 << bit
            (folder / "journal").write_bytes(torn)
            with pytest.raises(HostError, match="not to be trusted"):
                restore(kernel, folder)
    assert kernel.writes == []


@pytest.mark.parametrize("tear", [lambda whole: whole[:-1], lambda whole: whole + b" ", lambda whole: b""])
def test_a_torn_journal_is_refused(kernel: Kernel, folder: Path, tear: Callable[[bytes], bytes]) -> None:
    file = folder / "journal"
    file.write_bytes(tear(file.read_bytes()))
    with pytest.raises(HostError, match="not to be trusted"):
        restore(kernel, folder)


@pytest.mark.parametrize(
    "knobs",
    [
        {"/sys/../etc/passwd": "0"},
        {"/sys/class/devfreq/../../../etc/min_freq": "0"},
        {"/sys/class/devfreq/../max_freq": "0"},
        {f"{CPU}/cpufreq/policy0/../../online": "0"},
        {f"{CPU}/cpufreq/policy0/scaling_governor": "powersave"},
        {"/etc/passwd": "0"},
        {MAX: "1734000\nroot"},
        {MAX: ""},
        {MAX: 1734000},
        {MAX + "\n": "1734000"},
        {MAX: "1734000", "/proc/sysrq-trigger": "b"},
        [MAX],
        "nothing",
    ],
)
def test_only_known_knobs_are_written_and_all_or_none(kernel: Kernel, folder: Path, knobs: object) -> None:
    forge(folder, knobs)
    kernel.writes.clear()
    with pytest.raises(HostError, match="not to be trusted"):
        restore(kernel, folder)
    assert kernel.writes == []


def test_a_link_out_of_sys_is_not_followed(kernel: Kernel, folder: Path) -> None:
    put(kernel.root, "/etc/max_freq", "7")
    (kernel.root / "sys/class/devfreq/evil").symlink_to(kernel.root / "etc")
    forge(folder, {"/sys/class/devfreq/evil/max_freq": "0"})
    with pytest.raises(HostError, match="leads out of /sys"):
        restore(kernel, folder)
    assert (kernel.root / "etc/max_freq").read_text() == "7\n"


def test_a_newer_version_is_refused_by_its_number(kernel: Kernel, folder: Path) -> None:
    forge(folder, {MAX: "1734000"}, version=2)
    with pytest.raises(HostError, match="format is 2"):
        restore(kernel, folder)


def test_the_journal_itself_may_not_be_a_link(kernel: Kernel, folder: Path, tmp_path: Path) -> None:
    (folder / "journal").rename(tmp_path / "elsewhere")
    (folder / "journal").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(HostError, match="cannot read"):
        restore(kernel, folder)


@pytest.mark.parametrize("boot_id", ["0f1e2d3c-boot-one", "", "x" * 5000, 7, True, ["a"], {}])
def test_an_impossible_boot_is_no_reboot(kernel: Kernel, folder: Path, boot_id: object) -> None:
    forge(folder, {MAX: "1734000"}, boot_id=boot_id)
    with pytest.raises(HostError, match=r"not to be trusted, so nothing was written: .*(boot|journal's JSON)"):
        restore(kernel, folder)
    assert (folder / "journal").exists() and kernel.read(MAX) == "102000"


def test_a_machine_without_a_boot_id_was_not_rebooted(kernel: Kernel, folder: Path) -> None:
    put(kernel.root, BOOT_ID, "none of the kernel's")
    assert restore(kernel, folder) == journal.Repair((MAX,), rebooted=False)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 200_000,
        b'{"token": "t", "boot_id": null, "knobs": ' + b'{"a": ' * 200_000,
        b" " * (1 << 20),
        b"1" * 5000,
        b"\xff",
        b"null",
        b'{"token": "t", "boot_id": null, "knobs": null}',
        b'{"token": "t", "boot_id": null, "knobs": {}, "more": 1}',
    ],
)
def test_deep_huge_and_other_json_is_refused(kernel: Kernel, folder: Path, body: bytes) -> None:
    sign(folder, body)
    with pytest.raises(HostError, match="not to be trusted, so nothing was written") as refused:
        restore(kernel, folder)
    assert len(str(refused.value)) < 500


@pytest.mark.parametrize("name", ["journal", "lock"])
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_refused_at_once(
    kernel: Kernel, folder: Path, name: str, make: Callable[[Path], None]
) -> None:
    (folder / name).unlink(missing_ok=True)
    make(folder / name)
    with pytest.raises(HostError, match=rf"{name} is not a plain file|{folder}: Is a directory|Is a directory"):
        restore(kernel, folder)


@pytest.mark.parametrize("name", [".", "journal"])
@pytest.mark.parametrize("mode", [0o020, 0o002])
def test_what_others_may_write_is_not_trusted(kernel: Kernel, folder: Path, name: str, mode: int) -> None:
    changed = folder / name
    changed.chmod(changed.stat().st_mode | mode)
    with pytest.raises(HostError, match=r"others may write .*chmod go-w"):
        restore(kernel, folder)
    assert kernel.read(MAX) == "102000"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize("name", [".", "journal"])
def test_what_belongs_to_another_is_not_trusted(kernel: Kernel, folder: Path, name: str) -> None:
    os.chown(folder / name, 65534, 65534)
    with pytest.raises(HostError, match="belongs to user 65534"):
        restore(kernel, folder)
    assert kernel.read(MAX) == "102000"


def test_the_state_folder_is_the_users_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert journal.state_folder() == Path("/var/lib/colocate")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.setenv("XDG_STATE_HOME", "/home/ada/state")
    assert journal.state_folder() == Path("/home/ada/state/colocate")
    monkeypatch.setenv("XDG_STATE_HOME", "not/absolute")
    assert journal.state_folder() == Path("/home/ada/.local/state/colocate")
