"""`colocate sweep --until decided`: it ends early, and interrupted it goes on to the same end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.commands.command_line import MODEL, TINY, colocate, header_of, interrupted, lose, refused, trial_ids

DECIDED = [*MODEL, "--until", "decided", "--power-budget-w", "8.7", "--max-slowdown", "1.001", "--percentile", "p50"]


def test_a_sweep_until_decided_ends_early_and_resumes_to_the_same_end(tmp_path: Path) -> None:
    out = tmp_path / "run"
    done = colocate("sweep", *DECIDED, "--repeats", "12", "--out", out)
    assert done.returncode == 0, done.stderr
    assert "UNDECIDED with p50 slowdown <= 1.001, power <= 8.7 W" in done.stdout
    ids = trial_ids(out)
    assert 48 <= len(ids) < 144, "four repeats of twelve trials are the least"
    assert f"{len(ids)} trials until decided" in done.stdout
    # As a kill leaves it: the last trials are missing.
    lose(out, "rowid > 25")
    cut = colocate("advise", out, "--markdown")
    assert "0 SAFE, 0 UNSAFE, 4 UNDECIDED" in cut.stdout and "unfinished" in cut.stdout
    again = colocate("sweep", "--resume", "--out", out, "--quiet", "--json")
    assert again.returncode == 0, again.stderr
    assert trial_ids(out) == ids
    whole = json.loads(colocate("advise", out, "--json").stdout)
    assert whole["finished"] and whole["until_decided"] and whole["limits"]["power_budget_w"] == 8.7
    assert "looks at the table" in " ".join(whole["notes"])
    refused(2, "spec.limits was", "sweep", "--resume", "--out", out, "--power-budget-w", "9")


def test_a_budget_ends_a_sweep_until_decided(tmp_path: Path) -> None:
    arguments = [*DECIDED, "--stressors", "bitcount", "--gpu-clocks", "low", "--settle", "0"]
    done = colocate("sweep", *arguments, "--budget", "50s", "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    spec = header_of(tmp_path / "run").spec
    # A repeat is four windows of 0.5 s, as many warm-ups, and loading: 6.6 s.
    assert (spec.budget_s, spec.repeats) == (50.0, 28)
    dry = colocate("sweep", *arguments, "--budget", "50s", "--dry-run")
    assert dry.stdout.splitlines()[-3:] == [
        "at the most 112 trials, 28 repeats of 2 blocks",
        "How long this takes depends on how fast this machine computes the model.",
        "the budget ends it after 50 s at the most: about 33 of these trials fit",
    ]
    out = tmp_path / "other"
    refused(2, "two repeats of this study take", "sweep", *arguments, "--budget", "5s", "--out", out)
    assert not out.exists()


@pytest.mark.parametrize(
    ("said", "flags"),
    [
        ("did you mean 'decided'", ["--until", "decidd", "--slo-ms", "5"]),
        ("until: it does nothing without slo_ms, max_slowdown", ["--until", "decided"]),
        ("slo_ms: it does nothing without stressors", ["--until", "decided", "--slo-ms", "5", "--stressors", ""]),
        ("budget: it does nothing without until", ["--budget", "30m"]),
        ("'half an hour' is no length of time", ["--until", "decided", "--slo-ms", "5", "--budget", "half an hour"]),
        ("one repeat decides nothing", ["--until", "decided", "--slo-ms", "5", "--repeats", "1"]),
    ],
)
def test_until_decided_needs_something_to_decide(said: str, flags: list[str]) -> None:
    refused(2, said, "sweep", "--rig", "tx1-model", *flags)


def test_on_this_machine_too_an_interrupted_sweep_until_decided_goes_on(tmp_path: Path) -> None:
    out = tmp_path / "run"
    arguments = [*TINY, "--repeats", "4", "--until", "decided", "--max-slowdown", "50", "--percentile", "p50"]
    cut = interrupted(6, "sweep", *arguments, "--out", out)
    assert cut.returncode == 130 and "sweep --resume --out" in cut.stderr
    kept = trial_ids(out)
    assert 0 < len(kept) < header_of(out).planned
    done = colocate("sweep", "--resume", "--out", out)
    assert done.returncode == 0, done.stderr
    assert kept < trial_ids(out)
    assert json.loads(colocate("advise", out, "--json").stdout)["finished"]
    assert "with p50 slowdown <= 50" in done.stdout
