from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from colocate.errors import HostError, SpecError

pytest.importorskip("distributed")

from colocate.fleet import access
from colocate.fleet.access import Certificates
from colocate.fleet.connect import connected

NONE = Certificates()


@pytest.mark.parametrize("where", ["local:0", "local:many", "local:", "local:99999"])
def test_boards_of_ones_own_are_counted(where: str) -> None:
    with (
        pytest.raises(SpecError, match="give how many boards, from 1 to 1000, as in local:4"),
        connected(where, NONE, print, insecure=False),
    ):
        pass


def test_over_ssh_there_are_certificates_or_a_word_that_there_are_none(tmp_path: Path) -> None:
    (tmp_path / "hosts.txt").write_text("board-1\n")
    with (
        pytest.raises(SpecError, match=r"give --tls-ca-file, .* or say --insecure"),
        connected(f"ssh:{tmp_path}/hosts.txt", NONE, print, insecure=False),
    ):
        pass


def test_where_no_scheduler_is_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "CONNECT_S", 1)
    with (
        pytest.raises(HostError, match=r"no scheduler answers at tcp://127\.0\.0\.1:9"),
        connected("tcp://127.0.0.1:9", NONE, print, insecure=False),
    ):
        pass


def test_what_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "CONNECT_S", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with (
            pytest.raises(HostError, match="no scheduler answers at"),
            connected(address, NONE, print, insecure=False),
        ):
            pass


def test_what_speaks_otherwise_is_no_scheduler() -> None:
    """As Dask's dashboard, whose port is the next."""

    def answer(server: socket.socket) -> None:
        there, _ = server.accept()
        with there:
            there.sendall(b"HTTP/1.1 400 Bad Request\r\n" * 2)
            there.recv(1 << 16)

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=answer, args=(server,), daemon=True).start()
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        with (
            pytest.raises(HostError, match="what answers there is no scheduler of Dask; start it"),
            connected(address, NONE, print, insecure=False),
        ):
            pass


def test_local_boards_come_and_go_with_the_study() -> None:
    import psutil

    before = {each.pid for each in psutil.Process().children(recursive=True)}
    with connected("local:2", NONE, print, insecure=False) as client:
        client.wait_for_workers(2, timeout=120)
        names = {each["name"] for each in client.scheduler_info(n_workers=-1)["workers"].values()}
        assert names == {"local-1", "local-2"}
        started = {each.pid for each in psutil.Process().children(recursive=True)} - before
        assert len(started) == 2
    assert not any(psutil.pid_exists(pid) for pid in started)
