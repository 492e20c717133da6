"""Boards that die, hang, or lose their network in a block, and a client that is killed: nothing is lost or counted
twice, and the table is that of a run that nothing disturbed.

The whole of it, 81 cells x 5 on four boards, runs where COLOCATE_FLEET is `whole`; else a small study does. Networks
of boards are cut where it is set at all.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from colocate.report.advise.load import advise_on
from colocate.report.run_report import load
from colocate.request.spec import make_study
from colocate.rigs.registry import make_rig
from colocate.store.run_file import Run
from colocate.sweep import sweep
from colocate.trial_loop import ThisMachine
from tests.commands.command_line import colocate
from tests.fleet import processes
from tests.fleet.certificates import made_in
from tests.fleet.processes import sleeping_board, until
from tests.observers import Silence

pytest.importorskip("distributed")

ASKED = os.environ.get("COLOCATE_FLEET", "")
WHOLE = ASKED == "whole"
BOARDS = ("b1", "b2", "b3", "b4") if WHOLE else ("b1", "b2", "b3")
CLOCKS = "low,mid,high" if WHOLE else "low,high"
STUDY = (
    "--rig", "tx1-model", "--design", "steady", "--networks", "alexnet,googlenet,resnet152" if WHOLE else "alexnet",
    "--stressors", "bitcount,jpeg,stringsearch", "--cpu-clocks", CLOCKS, "--gpu-clocks", CLOCKS,
    "--repeats", "5" if WHOLE else "3",
    "--window", "0.5", "--quiet", "--max-slowdown", "1.1", "--percentile", "p50",
)  # fmt: skip
# Of real time for each window of the model.
WINDOW_S = 0.1 if WHOLE else 0.08
TTL_S = 30 if WHOLE else 4


def started_sweep(address: str, out: Path, *flags: str) -> subprocess.Popen[bytes]:
    return processes.started(
        "-m", "tests.fleet.without_pictures", "sweep", *STUDY, "--fleet", address, "--out", str(out), *flags,
        log=out.parent / f"sweep-{len(flags)}.log",
    )  # fmt: skip


def done(out: Path) -> dict[str, int]:
    """How many trials each board has in the run."""
    try:
        with Run.read(out) as run:
            return {name: len(found) for name, found in run.done_by_board().items() if found}
    except Exception:  # noqa: BLE001 - it is being made
        return {}


def count(out: Path) -> int:
    return sum(done(out).values())


def compare_with_undisturbed(out: Path, folder: Path, boards: set[str]) -> None:
    """Every planned trial once, and the cells and verdicts of a run on one machine."""
    with Run.read(out) as run:
        header, ids = run.header(), [record.trial.trial_id for record in run.records()]
        used = {record.board.name for record in run.records() if record.board}
    assert len(ids) == len({*ids}) == header.planned and used == boards
    sweep(make_study(header.request), ThisMachine(make_rig("tx1-model")), folder / "calm", Silence(), resume=False)
    disturbed, calm = load(out), load(folder / "calm")
    assert disturbed.cells == calm.cells
    assert header.spec.limits is not None
    judged = [advise_on(each, header.spec.limits).advice.rulings for each in (disturbed, calm)]
    assert judged[0] == judged[1] and judged[0]


def test_a_board_is_killed_one_is_stopped_and_the_client_is_killed(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with processes.scheduler(tmp_path, ttl_s=TTL_S) as running:
        boards = {name: sleeping_board(running.address, name, tmp_path, WINDOW_S) for name in BOARDS}
        with processes.ended(*boards.values()):
            for name in BOARDS:
                processes.serves(tmp_path, name)
            client = started_sweep(running.address, out)
            with processes.ended(client):
                until(lambda: count(out) >= 15, f"trials: {(tmp_path / 'sweep-0.log').read_text()}")
                boards["b1"].kill()
                boards["b1"].wait()
                until(lambda: "Board b1 is gone." in (tmp_path / "sweep-0.log").read_text(), "b1 to be missed")
                at = count(out)
                until(lambda: count(out) >= at + 10, "the others to go on")
                client.kill()
                client.wait()
            kept = count(out)
            assert kept >= at + 10
            client = started_sweep(running.address, out, "--resume")
            with processes.ended(client):
                until(lambda: count(out) >= kept + 5, f"it to go on: {(tmp_path / 'sweep-1.log').read_text()}")
                boards["b2"].send_signal(signal.SIGSTOP)
                # One that comes late has its part: however slow it is to come, the last of the others leaves it work.
                boards["b3"].send_signal(signal.SIGSTOP)
                boards["late"] = sleeping_board(running.address, "late", tmp_path, WINDOW_S)
                with processes.ended(boards["late"]):
                    until(lambda: "late" in done(out), "the late one to have its part")
                    boards["b3"].send_signal(signal.SIGCONT)
                    assert client.wait(600) == 0, (tmp_path / "sweep-1.log").read_text()
        log = (tmp_path / "sweep-0.log").read_text() + (tmp_path / "sweep-1.log").read_text()
        assert "Board b1 is gone." in log and "Board b2 is gone." in log
    compare_with_undisturbed(out, tmp_path, {*BOARDS, "late"})


def test_when_the_scheduler_dies_the_study_ends_and_can_go_on(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with processes.scheduler(tmp_path) as running:
        board = sleeping_board(running.address, "b1", tmp_path, WINDOW_S)
        with processes.ended(board):
            processes.serves(tmp_path, "b1")
            client = started_sweep(running.address, out)
            with processes.ended(client):
                until(lambda: count(out) >= 5, f"trials: {(tmp_path / 'sweep-0.log').read_text()}")
                running.process.kill()
                assert client.wait(120) == 3
    said = (tmp_path / "sweep-0.log").read_text()
    assert "colocate: the scheduler is gone" in said and "start it again" in said
    assert f"python -m colocate sweep --resume --out {out} --fleet tcp://" in said
    assert count(out) >= 5


# ---- boards with a network of their own


def may_make_networks() -> bool:
    if os.geteuid() or shutil.which("ip") is None:
        return False
    done = subprocess.run(["ip", "netns", "add", f"probe-{os.getpid()}"], capture_output=True)
    subprocess.run(["ip", "netns", "del", f"probe-{os.getpid()}"], capture_output=True)
    return done.returncode == 0


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@pytest.fixture
def networks() -> Iterator[dict[str, str]]:
    """A namespace for each board, on a bridge whose own address is that of this machine; by board, its namespace."""
    tag = f"cl{os.getpid() % 100000}"
    names = {board: f"{tag}n{number}" for number, board in enumerate(BOARDS)}
    ip("link", "add", f"{tag}br", "type", "bridge")
    try:
        ip("addr", "add", "10.213.7.1/24", "dev", f"{tag}br")
        ip("link", "set", f"{tag}br", "up")
        for number, name in enumerate(names.values()):
            ip("netns", "add", name)
            ip("link", "add", f"{tag}v{number}", "type", "veth", "peer", "name", "eth0", "netns", name)
            ip("link", "set", f"{tag}v{number}", "master", f"{tag}br", "up")
            ip("-n", name, "addr", "add", f"10.213.7.{number + 10}/24", "dev", "eth0")
            ip("-n", name, "link", "set", "eth0", "up")
            ip("-n", name, "link", "set", "lo", "up")
        yield names
    finally:
        for name in names.values():
            subprocess.run(["ip", "netns", "del", name], capture_output=True)
        subprocess.run(["ip", "link", "del", f"{tag}br"], capture_output=True)


@pytest.mark.skipif(not ASKED or not may_make_networks(), reason="needs COLOCATE_FLEET, root, and network namespaces")
def test_a_board_that_loses_its_network_for_a_while(tmp_path: Path, networks: dict[str, str]) -> None:
    out, cut_s = tmp_path / "run", 20.0 if WHOLE else 6.0
    with processes.scheduler(tmp_path, host="10.213.7.1", ttl_s=TTL_S) as running:
        boards = [
            processes.started(
                "-m", "tests.fleet.sleeping_board", running.address, name, str(WINDOW_S),
                log=tmp_path / f"{name}.log", before=("ip", "netns", "exec", network),
            )
            for name, network in networks.items()
        ]  # fmt: skip
        with processes.ended(*boards):
            for name in BOARDS:
                processes.serves(tmp_path, name)
            client = started_sweep(running.address, out, "--insecure")
            with processes.ended(client):
                until(lambda: count(out) >= 5, f"trials: {(tmp_path / 'sweep-1.log').read_text()}")
                ip("-n", networks["b1"], "link", "set", "eth0", "down")
                time.sleep(cut_s)
                ip("-n", networks["b1"], "link", "set", "eth0", "up")
                assert client.wait(900) == 0, (tmp_path / "sweep-1.log").read_text()
        assert "INSECURE: no TLS" in (tmp_path / "sweep-1.log").read_text()
    compare_with_undisturbed(out, tmp_path, {*BOARDS})


def test_tls_between_all_of_them(tmp_path: Path) -> None:
    tls = made_in(tmp_path).flags()
    with processes.scheduler(tmp_path, "--protocol", "tls", *tls) as running:
        assert running.address.startswith("tls://")
        board = processes.board(running.address, "b1", tmp_path, *tls)
        stranger = processes.board(running.address.replace("tls", "tcp"), "b2", tmp_path)
        with processes.ended(board, stranger):
            processes.serves(tmp_path, "b1")
            out = tmp_path / "run"
            small = ("--rig", "tx1-model", "--design", "steady", "--networks", "alexnet", "--stressors", "jpeg")
            short = ("--cpu-clocks", "high", "--gpu-clocks", "high", "--repeats", "1", "--window", "0.5")
            done = colocate("sweep", *small, *short, "--fleet", running.address, *tls, "--out", out, "--quiet")
            assert done.returncode == 0, done.stderr
            with Run.read(out) as run:
                assert {record.board.name for record in run.records() if record.board} == {"b1"}
            assert "b2 serves" not in (tmp_path / "b2.log").read_text()
