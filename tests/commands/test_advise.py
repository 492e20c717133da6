"""`colocate advise` on a run, finished or not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.commands.command_line import colocate, copy_of, header_of, lose, refused

EFFICIENCY = Path(__file__).parents[2] / "results" / "h200-efficiency"


def test_advice_on_a_run(modelled_run: Path) -> None:
    done = colocate("advise", modelled_run, "--power-budget-w", "9", "--max-slowdown", "1.1", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["finished"] and found["judged"] == 4
    verdicts = {(each["gpu_hz"], each["task"]): each["verdict"] for each in found["verdicts"]}
    assert verdicts == {
        (76_800_000, "bitcount"): "SAFE", (76_800_000, "jpeg"): "UNSAFE",
        (998_400_000, "bitcount"): "UNSAFE", (998_400_000, "jpeg"): "UNSAFE",
    }  # fmt: skip
    assert [choice["task"] for choice in found["choices"]] == ["bitcount"]
    table = colocate("advise", modelled_run, "--power-budget-w", "9")
    assert table.returncode == 0 and "bitcount, isolated, at 1734/76.8 MHz" in table.stdout
    page = colocate("advise", modelled_run, "--power-budget-w", "9", "--markdown").stdout
    assert page.startswith("## 1 SAFE, 3 UNSAFE, 0 UNDECIDED")


def test_nothing_safe_is_in_the_exit_code(modelled_run: Path) -> None:
    done = colocate("advise", modelled_run, "--slo-ms", "0.1")
    assert (done.returncode, done.stderr) == (10, "")
    assert "nothing is safe within these limits" in done.stdout


@pytest.mark.parametrize(
    ("said", "flags"),
    [
        ("nothing to judge by: give --slo-ms", []),
        ("must be a ratio above 1", ["--max-slowdown", "0.9"]),
        ("percentile '0.9' is not one of", ["--slo-ms", "30", "--percentile", "0.9"]),
        ("not allowed with", ["--slo-ms", "30", "--json", "--markdown"]),
        ("must be above 0", ["--power-budget-w", "0"]),
        ("'nan' is not a number", ["--power-budget-w", "nan"]),
        ("both given and dropped", ["--slo-ms", "30", "--without", "slo-ms"]),
    ],
)
def test_advice_needs_limits_that_make_sense(modelled_run: Path, said: str, flags: list[str]) -> None:
    done = colocate("advise", modelled_run, *flags)
    assert (done.returncode, done.stderr.count("\n"), done.stdout) == (2, 1, "")
    assert said in done.stderr


@pytest.mark.parametrize("flags", [[], ["--slo-ms", "30"], ["--confidence", "0.9"]])
def test_a_run_without_tasks_is_refused_before_its_limits_are_asked_for(flags: list[str]) -> None:
    said = "there is nothing to judge in this run: no window of a network beside a task; give a run of sweep"
    refused(2, said, "advise", EFFICIENCY, *flags)


def test_advice_on_an_unfinished_run_says_so(modelled_run: Path, tmp_path: Path) -> None:
    run = copy_of(modelled_run, tmp_path)
    assert header_of(run).planned == 48
    lose(run, "rowid > 20")
    done = colocate("advise", run, "--power-budget-w", "9")
    assert done.returncode in (0, 10, 11)
    assert "unfinished, with 20 of 48 trials" in done.stdout
    lose(run, "TRUE")
    for flags in (["--power-budget-w", "9"], []):
        done = colocate("advise", run, *flags)
        assert (done.returncode, "nothing to judge yet" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("code", "flags"),
    [
        (0, ["--require", "alexnet:bitcount@1734/76.8"]),
        (10, ["--require", "alexnet:bitcount"]),
        (10, ["--require", "alexnet:bitcount@1734/76.8", "--require", "alexnet:jpeg:isolated"]),
        (2, ["--require", "alexnet:bitcont"]),
    ],
)
def test_one_deployment_is_asked_about(modelled_run: Path, code: int, flags: list[str]) -> None:
    done = colocate("advise", modelled_run, "--power-budget-w", "9", *flags)
    assert done.returncode == code
    assert done.stdout.count("Required alexnet:") == (len(flags) // 2 if code != 2 else 0)
    assert code != 2 or "as in alexnet:bitcount" in done.stderr


def test_what_is_undecided_is_not_known_yet(modelled_run: Path) -> None:
    sure = ["--power-budget-w", "9", "--confidence", "0.99999999"]
    done = colocate("advise", modelled_run, *sure, "--json")
    found = json.loads(done.stdout)
    if found["counts"]["SAFE"] == 0:
        assert (done.returncode, found["answer"]) == (11, "UNDECIDED")
