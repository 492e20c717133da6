"""Where costly files are kept, and that a failure leaves none behind."""

from __future__ import annotations

import errno
import hashlib
import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from colocate.errors import HostError, Interrupted
from colocate.host.processes.signals import interruptible
from colocate.inference.networks import cache
from colocate.inference.networks.catalogue import resolve

# The beginning of the SHA-256 of the content.
WHOLE = hashlib.sha256(b"whole").hexdigest()[:16]


def test_a_failure_in_the_middle_of_writing_leaves_no_file(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(descriptor: int) -> None:
        assert list(kept.iterdir()), "the failure comes while the file is there in part"
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(HostError, match="No space left"):
        resolve("googlenet", 1)
    assert list(kept.iterdir()) == []


@pytest.mark.usefixtures("forgotten_interruption")
def test_a_signal_in_the_middle_of_building_ends_it_and_leaves_no_file(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(descriptor: int) -> None:
        os.kill(os.getppid(), signal.SIGTERM)
        # As code in C does, which hears nothing.
        time.sleep(600)

    monkeypatch.setattr("os.fsync", interrupt)
    with pytest.raises(Interrupted), interruptible():
        cache.obtain("a", lambda: b"whole")
    assert list(kept.iterdir()) == []


def test_what_a_killed_builder_left_is_cleared(kept: Path) -> None:
    kept.mkdir(parents=True)
    (kept / "b.onnx.partial").write_bytes(b"half")
    cache.obtain("a", lambda: b"whole")
    assert [path.name for path in kept.iterdir()] == [f"a-{WHOLE}"]


def test_a_cache_that_cannot_be_written_is_a_host_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(HostError, match=r"file/colocate/networks.*XDG_CACHE_HOME"):
        resolve("googlenet", 1)


@pytest.mark.parametrize("unset", ["", "relative/path"])
def test_the_cache_is_in_the_home_folder_otherwise(unset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", unset)
    monkeypatch.setenv("HOME", "/home/someone")
    assert cache.folder() == Path("/home/someone/.cache/colocate/networks")


def test_other_kinds_lie_beside(kept: Path) -> None:
    path = cache.obtain("a", lambda: b"whole", "subgraphs")
    assert path == kept.with_name("subgraphs") / f"a-{WHOLE}" == cache.root() / "subgraphs" / path.name
    assert path.read_bytes() == cache.read(path) == b"whole"


def test_a_user_without_a_home_is_a_host_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(HostError, match="set XDG_CACHE_HOME"):
        cache.root()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_cache_of_somebody_else_is_a_host_error(kept: Path) -> None:
    kept.parent.mkdir(parents=True)
    os.chown(kept.parent, 12345, -1)
    said = r"colocate belongs to another user \(12345\), who could change .*; .*XDG_CACHE_HOME to a folder of y"
    with pytest.raises(HostError, match=said):
        resolve("googlenet", 1)
    with pytest.raises(HostError, match=said):
        cache.make_private(cache.folder("subgraphs") / "one")


@pytest.mark.parametrize("suffix", [".onnx", ".json"])
def test_a_damaged_network_or_note_is_made_again(kept: Path, suffix: str) -> None:
    before = resolve("googlenet", 1)
    (path,) = kept.glob(f"*{suffix}")
    whole = path.read_bytes()
    path.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
    assert resolve("googlenet", 1) == before
    assert path.read_bytes() == whole


def test_a_folder_of_subgraphs_is_closed_to_others(kept: Path) -> None:
    former = os.umask(0)
    try:
        folder = cache.folder("subgraphs") / "one"
        cache.make_private(folder)
    finally:
        os.umask(former)
    assert folder.stat().st_mode & 0o022 == folder.parent.stat().st_mode & 0o022 == 0


def use(path: Path, turns: int, wrong: Path) -> None:
    """What a process does that shares a folder: it fills it slowly, or finds it whole for as long as it uses it."""

    def fill() -> None:
        for name in ("a", "b"):
            (path / name).write_text("")
            time.sleep(0.002)
            (path / name).write_text("whole")

    for _ in range(turns):
        with cache.shared(path, fill):
            for _ in range(3):
                found = {each.name: each.read_text() for each in path.iterdir()}
                if found != {"a": "whole", "b": "whole"}:
                    wrong.write_text(str(found))
                time.sleep(0.001)


def test_a_shared_folder_is_whole_for_all_who_use_it_and_gone_after_the_last(kept: Path, tmp_path: Path) -> None:
    path, wrong = kept.parent / "subgraphs" / "one", tmp_path / "wrong"
    users = [multiprocessing.get_context("fork").Process(target=use, args=(path, 20, wrong)) for _ in range(4)]
    for user in users:
        user.start()
    for user in users:
        user.join()
    assert [user.exitcode for user in users] == [0] * 4
    assert not wrong.exists(), wrong.read_text()
    assert not path.exists()


def test_a_shared_folder_that_could_not_be_filled_is_removed(kept: Path) -> None:
    path = kept.parent / "subgraphs" / "one"

    def fill() -> None:
        (path / "half").write_text("")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(HostError, match=f"cannot keep one in {path}: No space left"), cache.shared(path, fill):
        raise AssertionError("it is not filled")
    assert not path.exists()


def test_what_a_killed_user_of_a_shared_folder_left_is_written_anew(kept: Path) -> None:
    path = kept.parent / "subgraphs" / "one"
    cache.make_private(path)
    (path / "a").write_text("half")

    def fill() -> None:
        (path / "a").write_text("whole")

    with cache.shared(path, fill):
        assert (path / "a").read_text() == "whole"
    assert not path.exists()
