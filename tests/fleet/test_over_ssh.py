"""A scheduler and boards that a real ssh starts, on this machine under several names."""

from __future__ import annotations

import csv
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from colocate.errors import HostError, SpecError

pytest.importorskip("distributed")

from colocate.fleet.access import Certificates
from colocate.fleet.connect import connected
from colocate.fleet.over_ssh import over_ssh
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
    refuses = hosts.parent / "ssh"
    refuses.write_text(
        f"""#!/bin/sh
case "$*" in *"colocate board"*) echo "no room for a board." >&2; exit 1;; esac
exec {program}/ssh "$@"
"""
    )
    refuses.chmod(0o700)
    monkeypatch.setenv("PATH", f"{hosts.parent}:{os.environ['PATH']}")
    said: list[str] = []
    with pytest.raises(HostError, match="no host has a board"), over_ssh(hosts, NONE, {}, said.append):
        pass
    assert said == ["Host left has no board: no room for a board."]


def test_a_file_for_tls_that_is_not_there_is_named_by_the_host(hosts: Path, tmp_path: Path) -> None:
    hosts.write_text("left")
    files = Certificates(*[str(tmp_path / "missing")] * 3)
    with pytest.raises(HostError, match=r"a scheduler on left: .*missing"), over_ssh(hosts, files, {}, print):
        pass


@pytest.mark.parametrize("text", ["", "# none\n", "a\nb\na\n"])
def test_a_list_of_hosts_must_be_one(tmp_path: Path, text: str) -> None:
    hosts = tmp_path / "hosts.txt"
    with pytest.raises(SpecError, match="cannot read the list of hosts"), over_ssh(hosts, NONE, {}, print):
        pass
    hosts.write_text(text)
    with pytest.raises(SpecError, match="give a host a line, each once"), over_ssh(hosts, NONE, {}, print):
        pass


def test_without_ssh_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hosts.txt").write_text("left")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(HostError, match="needs the program ssh"), over_ssh(tmp_path / "hosts.txt", NONE, {}, print):
        pass


_STUDY = """
import sys, time
from pathlib import Path
from colocate.fleet.access import Certificates
from colocate.fleet.over_ssh import over_ssh
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
