"""`sweep --fleet`: the flags, and a study over boards as a user starts one."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

import pytest

from colocate.commands.fleet_flags import add_fleet_flags, fleet_words
from tests.commands.command_line import MODEL, colocate, refused

pytest.importorskip("distributed")


TLS = ("--tls-ca-file", "a", "--tls-cert", "c", "--tls-key", "k")


def parsed(*flags: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_fleet_flags(parser)
    return parser.parse_args([*flags])


def test_the_flags_are_said_again_where_a_study_is_to_go_on() -> None:
    flags = ("--fleet", "tls://x:1", "--tls-ca-file", "a b.pem", "--tls-cert", "c", "--tls-key", "k")
    assert fleet_words(parsed(*flags)) == " --fleet tls://x:1 --tls-ca-file 'a b.pem' --tls-cert c --tls-key k"
    assert fleet_words(parsed("--fleet", "tcp://x:1", "--insecure", "--replicate")) == " --fleet tcp://x:1 --insecure"
    assert fleet_words(parsed()) == fleet_words(argparse.Namespace()) == ""


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--fleet", "local"], "give how many boards"),
        (["--fleet", ""], "no address of a scheduler"),
        (["--fleet", "10.9.8.7"], "no address of a scheduler"),
        (["--fleet", "tcp://10.9.8.7:8786"], "run what anyone there sends them"),
        (["--fleet", "local:2", "--task-output"], "tasks print on their boards"),
        (["--spread", "--replicate"], "not allowed with"),
        (["--replicate"], "--replicate: it does nothing without --fleet; add that, or leave it out"),
        (["--spread"], "--spread: it does nothing without --fleet"),
        (["--insecure"], "--insecure: it does nothing without --fleet"),
        (["--tls-key", "k"], "--tls-key: it does nothing without --fleet"),
        (["--fleet", "tcp://127.0.0.1:1", "--tls-cert", "c"], "--tls-cert: it does nothing without --tls-ca-file"),
        (["--fleet", "local:2", *TLS], "--fleet local:2: its boards are on this machine"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(flags: list[str], said: str, tmp_path: Path) -> None:
    refused(2, said, "sweep", *MODEL, *flags, "--out", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_replicated_study_over_local_boards(tmp_path: Path) -> None:
    out = tmp_path / "run"
    study = (*MODEL, "--repeats", "2", "--max-slowdown", "1.2", "--percentile", "p50", "--fleet", "local:2")
    done = colocate("sweep", *study, "--replicate", "--out", out)
    assert done.returncode == 0, done.stderr
    words = " ".join(done.stdout.split())
    assert "2 boards, every block on each of them: local-1, local-2." in words
    assert "Verdicts are on these 2 boards: SAFE on each of them, or UNSAFE on one." in words
    assert "2 boards are too few to call one odd: that takes 5." in words
    header, *rows = (out / "boards.csv").read_text().splitlines()
    assert header.startswith("board,network,task") and {row.partition(",")[0] for row in rows} == {
        "local-1",
        "local-2",
    }
    promised = (out / "boards-like-these.csv").read_text().splitlines()
    assert len(promised) == 5 and (out / "figures/boards-slowdown-mean.png").exists()
    assert "## Boards" in (out / "report.md").read_text()
    listed = json.loads(colocate("list", tmp_path, "--json").stdout)
    (found,) = listed["runs"] if isinstance(listed, dict) else listed
    assert found["state"] == "finished" and found["done"] == found["planned"]
    # Judged again under another limit, and read by Python.
    again = colocate("advise", out, "--max-slowdown", "1.0001")
    assert again.returncode in (10, 11), again.stderr
    resumed = colocate("sweep", "--resume", "--out", out, "--quiet")
    assert resumed.returncode == 2 and "it ran with --fleet and --replicate and is to run without" in resumed.stderr


def test_progress_names_the_dashboard(tmp_path: Path) -> None:
    loud = [each for each in MODEL if each != "--quiet"]
    done = colocate("sweep", *loud, "--repeats", "1", "--fleet", "local:1", "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert re.search(r"^Dashboard: http://127\.0\.0\.1:\d+/status$", done.stderr, flags=re.MULTILINE)
