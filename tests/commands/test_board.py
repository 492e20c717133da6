"""`colocate board`: what it refuses. What it does is in tests/fleet/."""

from __future__ import annotations

import pytest

from tests.commands.command_line import colocate, refused

pytest.importorskip("distributed")


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["localhost:8786"], "no address of a scheduler"),
        (["tcp://10.9.8.7:8786"], "run what anyone there sends them"),
        (["tls://10.9.8.7:8786"], "give --tls-ca-file, --tls-cert and --tls-key"),
        (["tcp://localhost:1", "--name", "a\nb"], "names no board"),
        (["tcp://localhost:1", "--model", "contention=much"], "'much' is not a number"),
        (["tcp://localhost:1", "--model", "contentoin=1"], "did you mean 'contention'"),
        (["tcp://localhost:1", "--model", "contention"], "wants CONSTANT=VALUE"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(flags: list[str], said: str) -> None:
    refused(2, said, "board", *flags)


def test_it_says_which_package_a_fleet_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    for name in [name for name in sys.modules if name.startswith("colocate.fleet")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "distributed", None)
    done = colocate("board", "tcp://localhost:1")
    assert done.returncode == 3 and "pip install 'colocate[fleet]'" in done.stderr
