"""Progress: a line or a bar, in the user's own words, and no reason to end a study."""

from __future__ import annotations

import dataclasses
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from rich.cells import cell_len

from colocate.model.machine import Missing
from colocate.model.request import ClockPoint, Inference, Placement, Task
from colocate.model.trial import Failure, Trial, TrialRecord, Work
from colocate.progress import describe, progress
from colocate.report.text.numbers import minutes
from colocate.store.run_file import Run
from colocate.study.evidence import collect
from colocate.study.narrowing import Narrowing
from colocate.study.plan import Stage, estimate_s
from colocate.study.sequential import Schedule, judge
from tests.commands.command_line import TINY
from tests.commands.terminal import shown_on_a_terminal
from tests.report.alternated import BESIDE_S, alternating
from tests.study.test_plan import facts
from tests.study.truth import record, trial
from tests.study.until_decided import SPEC, TRIALS, WHOLE

ALEXNET, JPEG = Inference("alexnet", "onnxruntime-cpu"), Task("jpeg")


@pytest.mark.parametrize(
    ("of", "words"),
    [
        (trial(0, JPEG, ALEXNET), "alexnet beside jpeg"),
        (trial(0, None, ALEXNET), "alexnet alone"),
        (trial(0, JPEG, None), "jpeg alone"),
        (trial(0, None, None), "idle alone"),
        (trial(0, None, dataclasses.replace(ALEXNET, precision="fp16", batch=8)), "alexnet (fp16, batch 8) alone"),
        (trial(0, None, Inference("/far/away/net.onnx", "onnxruntime-cpu")), "net.onnx alone"),
        (trial(0, JPEG, ALEXNET, ClockPoint(921_600_000)), "alexnet beside jpeg, CPU 921.6 MHz"),
        (
            trial(0, JPEG, ALEXNET, ClockPoint(102_000_000, 76_800_000), Placement("shared", (0,), (0, 1), (1,))),
            "alexnet beside jpeg, shared, CPU 102 MHz, GPU 76.8 MHz",
        ),
    ],
)
def test_a_trial_is_described_by_what_a_study_chose(of: Trial, words: str) -> None:
    assert describe(of, [ALEXNET]) == words


def test_what_all_networks_of_a_run_share_is_not_repeated_in_each_line() -> None:
    blocking = dataclasses.replace(ALEXNET, wait="block")
    assert describe(trial(0, JPEG, blocking), [blocking]) == "alexnet beside jpeg"
    assert describe(trial(0, JPEG, blocking), [ALEXNET, blocking]) == "alexnet (blocking wait) beside jpeg"


def lines(*outcomes: TrialRecord | Failure, capsys: pytest.CaptureFixture[str], planned: int = 9) -> list[str]:
    """What is said of these outcomes, the last of so many."""
    machine = facts(backends_missing={"tensorrt": Missing("not installed"), "bandwidth": Missing("no GPU")})
    with progress(quiet=False) as observer:
        observer.begins([outcome.trial for outcome in outcomes], planned, machine)
        for outcome in outcomes:
            observer.starts(outcome.trial)
            observer.ended(outcome)
    return capsys.readouterr().err.splitlines()


def test_each_trial_is_a_line_with_the_running_median(capsys: pytest.CaptureFixture[str]) -> None:
    windows = [record(trial(block, JPEG, ALEXNET), np.full(5, s)) for block, s in enumerate((0.010, 0.030, 0.014))]
    worked = dataclasses.replace(record(trial(3, JPEG, None), np.array([])), work=Work("images", 30, 2.0, 2.0))
    failed = Failure(trial(4, JPEG, ALEXNET), "[out] of memory")
    begins, *said = lines(*windows, worked, failed, capsys=capsys)
    assert said == [
        "trial 5 of 9: alexnet beside jpeg: p50 10.0 ms beside it",
        "trial 6 of 9: alexnet beside jpeg: p50 20.0 ms beside it",
        "trial 7 of 9: alexnet beside jpeg: p50 14.0 ms beside it",
        "trial 8 of 9: jpeg alone: 15 images/s",
        "trial 9 of 9: alexnet beside jpeg: failed: [out] of memory",
    ]
    # What is missing of a runtime that would have been better, not of those that were no choice.
    assert begins == "networks run on onnxruntime-cpu (tensorrt: not installed)"


def test_of_a_model_it_says_that_it_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(quiet=False) as observer:
        observer.begins(TRIALS, len(TRIALS), facts(rig="tx1-model", virtual_time=True))
    assert capsys.readouterr().err == "tx1-model: MODEL of a Tegra X1, not a measurement\n"


def test_a_look_says_where_the_study_stands(capsys: pytest.CaptureFixture[str]) -> None:
    first = [done for done in WHOLE if done.trial.repeat < 4]
    limits = SPEC.limits
    assert limits is not None
    look = judge(collect(first, SPEC), limits, Schedule(SPEC.repeats))
    with progress(quiet=False) as observer:
        observer.begins(TRIALS, len(TRIALS), facts())
        observer.enters(Stage(TRIALS[:16], 4), 16)
        observer.enters(Stage(TRIALS[16:22], 6, look), 22)
        observer.ended(first[0])
    *_, said, last = capsys.readouterr().err.splitlines()
    assert said == "2 of 3 cells decided, 1 open: 6 trials to repeat 6"
    assert last.startswith("trial 1 of 22: "), "of those that are wanted"


@pytest.mark.parametrize(
    ("found", "virtual", "words"),
    [
        (
            Narrowing(0.0214, 0.0103, 3, 240.0),
            False,
            "±1.1 % (median cell), ±0.52 % expected after 4 more minutes",
        ),
        (
            Narrowing(0.0214, 0.0103, 3, 61.0),
            False,
            "±1.1 % (median cell), ±0.52 % expected after 61 more seconds",
        ),
        (
            Narrowing(0.123, 0.0009, 3, 240.0),
            True,
            "±6.2 % (median cell), ±0.045 % expected after 3 more repeats",
        ),
        (
            Narrowing(1e300, 1.01, 1, 240.0),
            True,
            "> ±50 % (median cell), > ±50 % expected after 1 more repeat",
        ),
        # At the end the report says it.
        (None, False, None),
    ],
)
def test_after_a_repeat_it_says_how_narrow_intervals_are_and_will_be(
    found: Narrowing | None, virtual: bool, words: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    def show() -> None:
        with progress(quiet=False) as observer:
            observer.begins(TRIALS, len(TRIALS), facts(virtual_time=virtual))
            observer.ended(WHOLE[0])
            observer.completes(lambda: found)

    show()
    said = [line for line in capsys.readouterr().err.splitlines() if "slowdowns known" in line]
    words = words and f"slowdowns known to {words}"
    left = "" if virtual else f"about {minutes(estimate_s(TRIALS[1:]))} left, "
    assert said == ([] if words is None else [f"{left}{words}"])
    shown = shown_on_a_terminal(147, show)
    assert f"\n{words}\n" in shown.replace(" \n", "\n") if words else "slowdown" not in shown


def test_a_bar_has_numbers_from_the_first_and_after_the_last_repeat_expects_no_other() -> None:
    def show() -> None:
        with progress(quiet=False) as observer:
            observer.begins(TRIALS, len(TRIALS), facts())
            observer.completes(lambda: Narrowing(0.0214, 0.0103, 1, 240.0))
            observer.completes(lambda: None)

    shown = shown_on_a_terminal(80, show)
    assert "?" not in shown and f"0/{len(TRIALS)} trials, -:--:-- left" in shown
    assert "slowdowns known" not in shown[shown.rindex("starting") :]


@pytest.mark.parametrize("columns", [80, 100, 147])
def test_every_number_of_the_bar_is_whole_and_has_its_unit(columns: int) -> None:
    network = Inference("a-network-of-a-name-that-is-long", "onnxruntime-cpu", precision="fp16", wait="block")
    place = Placement("shared", (0,), (0, 1), (1,))
    windows = [
        record(trial(block, JPEG, network, ClockPoint(1_734_000_000, 998_400_000), place), np.full(5, 0.1034))
        for block in range(3)
    ]

    def show() -> None:
        with progress(quiet=False) as observer:
            observer.begins([window.trial for window in windows], 1203, facts())
            for window in windows:
                observer.starts(window.trial)
                observer.ended(window)
                observer.completes(lambda: Narrowing(0.0214, 0.0103, 3, 240.0))
            observer.starts(windows[0].trial)

    shown = shown_on_a_terminal(columns, show)
    assert max(map(cell_len, re.split(r"[\r\n]", shown))) <= columns
    assert "…" not in shown and "1203/1203 trials" in shown
    # A bar is drawn over the one before.
    told = " ".join(shown.split())
    last = "last: a-network-of-a-name-that-is-long beside jpeg, shared, CPU 1734 MHz, GPU 998.4 MHz"
    assert f"{last}: p50 103 ms beside it" in told


def test_of_an_alternating_window_the_median_is_of_those_beside_the_task(capsys: pytest.CaptureFixture[str]) -> None:
    _, said = lines(alternating(0), capsys=capsys, planned=1)
    assert said == f"trial 1 of 1: alexnet beside jpeg: p50 {1e3 * BESIDE_S:.1f} ms beside it"


def test_quiet_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    with progress(quiet=True) as observer:
        observer.begins(TRIALS, len(TRIALS), facts())
        observer.enters(Stage(TRIALS, 4), 16)
        observer.starts(TRIALS[0])
        observer.ended(Failure(TRIALS[0], "no"))
        observer.completes(lambda: pytest.fail("nobody reads it: it is not worked out"))
    assert capsys.readouterr() == ("", "")


def test_brackets_in_a_message_are_no_markup_on_a_terminal(tmp_path: Path) -> None:
    code = """
from colocate.progress import progress
from colocate.report.text.numbers import minutes
from colocate.store.run_file import Failure
from tests.study.test_plan import facts
from tests.study.until_decided import TRIALS
with progress(quiet=False) as observer:
    observer.begins(TRIALS, len(TRIALS), facts())
    for trial in TRIALS[:3]:
        observer.starts(trial)
        observer.ended(Failure(trial, "[/dev/video0] lost"))
    observer.starts(TRIALS[3])
"""
    command = shlex.join([sys.executable, "-c", code])
    done = subprocess.run(["script", "-qec", command, "/dev/null"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "Traceback" not in done.stdout and "failed: [/dev/video0] lost" in " ".join(done.stdout.split())


def test_progress_that_nobody_reads_does_not_end_the_study(tmp_path: Path) -> None:
    command = shlex.join([sys.executable, "-m", "colocate", "sweep", *TINY, "--out", str(tmp_path / "run")])
    done = subprocess.run(["bash", "-c", f"{command} 2> >(true)"], capture_output=True, text=True)
    assert done.returncode == 0
    with Run.read(tmp_path / "run") as run:
        assert len(run.done()) == run.header().planned
