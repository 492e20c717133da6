"""A scheduler and boards that a real ssh starts, on this machine under several names."""

from __future__ import annotations

import csv
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from colocate.errors import HostError, SpecError

pytest.importorskip("distributed")

from colocate.fleet import over_ssh as module
from colocate.fleet.access import Certificates
from colocate.fleet.connect import connected
from colocate.fleet.over_ssh import _names, over_ssh
from tests.commands.command_line import MODEL, colocate
from tests.fleet import certificates, processes
from tests.fleet.ssh_server import ssh_server

NONE = Certificates()
ALIVE = sorted([Path(sys.executable).name, "sh"] * 2)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with ssh_server(tmp_path_factory.mktemp("ssh")) as folder:
        yield folder


@pytest.fixture
def hosts(program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{program}:{os.environ['PATH']}")
    return tmp_path / "hosts.txt"


def in_place_of_ssh(folder: Path, script: str) -> Path:
    """A folder with an `ssh` of this script."""
    (folder / "bin").mkdir()
    ssh = folder / "bin/ssh"
    ssh.write_text(f"#!/bin/sh\n{script}")
    ssh.chmod(0o700)
    return ssh.parent


def of_boards(address: str) -> list[str]:
    """The programs of the processes with this address in their command line: boards, and shells that end them."""
    found: list[list[str]] = [each.info["cmdline"] or [] for each in psutil.process_iter(["cmdline"])]
    return sorted(Path(words[0]).name for words in found if address in words)


def test_each_host_has_a_board_of_its_name_for_as_long_as_the_study(hosts: Path) -> None:
    hosts.write_text("# both are this machine\nleft\n\nright\n")
    said: list[str] = []
    with connected(f"ssh:{hosts}", NONE, said.append, insecure=True) as client:
        client.wait_for_workers(2, timeout=600)
        workers = client.scheduler_info(n_workers=-1)["workers"].values()
        assert {(each["name"], each["nthreads"]) for each in workers} == {("left", 1), ("right", 1)}
        # One of the settings that the scheduler was given.
        assert client.run_on_scheduler(lambda dask_scheduler: dask_scheduler.worker_ttl) == 60
        address, scheduler = client.scheduler.address, client.run_on_scheduler(os.getpid)
        assert of_boards(address) == ALIVE
    assert not said and not psutil.pid_exists(scheduler)
    processes.until(lambda: not of_boards(address), "all to end")


@pytest.mark.parametrize("encrypted", [False, True])
def test_a_study_over_ssh(hosts: Path, tmp_path: Path, encrypted: bool) -> None:
    hosts.write_text("left\nclosed\nright\n")
    flags = certificates.made_in(tmp_path).flags() if encrypted else ("--insecure",)
    study = (*MODEL, "--repeats", "1", "--fleet", f"ssh:{hosts}", "--replicate", *flags)
    done = colocate("sweep", *study, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert "Host closed has no board: ssh: connect to host 127.0.0.1 port " in done.stderr
    with (tmp_path / "run/boards.csv").open() as file:
        assert {row["board"] for row in csv.DictReader(file)} == {"left", "right"}


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("closed", r"ssh: connect to host 127\.0\.0\.1 port \d+: Connection refused"),
        ("stranger", "Host key verification failed"),
        ("no-such-host.invalid", "ssh: Could not resolve hostname no-such-host.invalid: .*"),
    ],
)
def test_without_a_scheduler_there_is_no_study(hosts: Path, host: str, reason: str) -> None:
    hosts.write_text(host)
    with (
        pytest.raises(HostError, match=rf"^--fleet ssh: cannot start a scheduler on {host}: {reason}$"),
        over_ssh(hosts, NONE, {}, pytest.fail),
    ):
        pass


def test_what_python_says_there_is_the_reason(hosts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hosts.write_text("left")
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with (
        pytest.raises(HostError, match=r"on left: .*/no/such/python.*(not found|No such file or directory)$"),
        over_ssh(hosts, NONE, {}, print),
    ):
        pass


def test_without_any_board_there_is_no_study(program: Path, hosts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hosts.write_text("left")
    refuses = f"""case "$*" in *"colocate board"*) echo "no room for a board." >&2; exit 1;; esac
exec {program}/ssh "$@"
"""
    monkeypatch.setenv("PATH", f"{in_place_of_ssh(hosts.parent, refuses)}:{os.environ['PATH']}")
    said: list[str] = []
    with pytest.raises(HostError, match="no host has a board"), over_ssh(hosts, NONE, {}, said.append):
        pass
    assert said == ["Host left has no board: no room for a board."]


def test_a_file_for_tls_that_is_not_there_is_named_by_the_host(hosts: Path, tmp_path: Path) -> None:
    hosts.write_text("left")
    files = Certificates(*[str(tmp_path / "missing")] * 3)
    with pytest.raises(HostError, match=r"a scheduler on left: .*missing"), over_ssh(hosts, files, {}, print):
        pass


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "cannot read the list of hosts: No such file or directory"),
        (b"", "it names no host; give a host a line"),
        (b"# none\n\n", "it names no host; give a host a line"),
        (b"a\nb\na\n", "a is there twice; give each host once"),
        (b"a\n\0b\n", r"'\\x00b' is no name of a host"),
        (b"x" * 300, "'x+' is no name of a host"),
        (b"\xff", "cannot read the list of hosts: 'utf-8' codec"),
    ],
)
def test_a_list_of_hosts_must_be_one(tmp_path: Path, text: bytes | None, said: str) -> None:
    hosts = tmp_path / "hosts.txt"
    if text is not None:
        hosts.write_bytes(text)
    with pytest.raises(SpecError, match=said), over_ssh(hosts, NONE, {}, print):
        pass


def test_a_list_of_hosts_may_have_comments_and_a_mark_of_its_order(tmp_path: Path) -> None:
    hosts = tmp_path / "hosts.txt"
    hosts.write_bytes("\ufeffleft # the first\r\n\troot@right\r\n#third\r\n".encode())
    assert _names(hosts) == ["left", "root@right"]


@pytest.mark.parametrize("mode", [None, 0o644])
def test_without_ssh_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int | None) -> None:
    (tmp_path / "hosts.txt").write_text("left")
    if mode is not None:
        (tmp_path / "ssh").touch(mode)
    monkeypatch.setenv("PATH", str(tmp_path))
    said = "cannot run the program ssh: .*; install an OpenSSH client"
    with pytest.raises(HostError, match=said), over_ssh(tmp_path / "hosts.txt", NONE, {}, print):
        pass


def test_a_board_that_ends_is_started_again(hosts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hosts.write_text("left")
    monkeypatch.setattr(module, "_START_AGAIN_S", 0.1)
    said: list[str] = []
    with connected(f"ssh:{hosts}", NONE, said.append, insecure=True) as client:
        client.wait_for_workers(1, timeout=600)
        first = client.run(os.getpid)
        for pid in first.values():
            os.kill(pid, signal.SIGKILL)

        def again() -> bool:
            found = client.run(os.getpid, on_error="ignore")
            return bool(found) and found.keys().isdisjoint(first)

        processes.until(again, "another board")
    assert said == ["Host left has no board: it ended without a word (exit status 255)."]


def test_a_host_that_hangs_is_not_waited_for_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{in_place_of_ssh(tmp_path, 'exec sleep 600')}:{os.environ['PATH']}")
    monkeypatch.setattr(module, "_START_S", 0.2)
    monkeypatch.setattr(module, "_TELL_S", 0.0)
    sleepy, said = module._Remote("sleepy", ("true",), "up"), list[str]()
    with module._started([sleepy]):
        module._wait([sleepy], said.append)
        module._Keeper([sleepy], said.append)
        assert not sleepy.has_ended()
    assert sleepy.has_ended()
    assert said == ["Waiting for sleepy.", "Host sleepy has no board: nothing came of it in 0.2 s."]


_STUDY = """
import sys, time
from pathlib import Path
from colocate.fleet.access import Certificates
from colocate.fleet import over_ssh as module
from colocate.fleet.over_ssh import _names, over_ssh
with over_ssh(Path(sys.argv[1]), Certificates(), {}, print) as address:
    print(address, flush=True)
    time.sleep(600)
"""


def test_all_ends_on_the_hosts_when_the_study_is_killed(hosts: Path) -> None:
    hosts.write_text("left\nright\n")
    command = [sys.executable, "-c", _STUDY, str(hosts)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as study:
        assert study.stdout is not None
        address = study.stdout.readline().strip()
        assert of_boards(address) == ALIVE
        study.kill()
    processes.until(lambda: not of_boards(address), "all to end")
    host, _, port = address.removeprefix("tcp://").rpartition(":")
    processes.until(lambda: not answers(host, int(port)), "the scheduler to end")


def answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), 1).close()
    except OSError:
        return False
    return True
