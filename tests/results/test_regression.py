"""The two runs of results/regression/ and what their README shows of them."""

from __future__ import annotations

import re
from pathlib import Path

from colocate.request.study_file import read_study
from tests.commands.command_line import colocate, header_of

RESULTS = Path(__file__).parent.parent.parent / "results"
RUNS = RESULTS / "regression"


def test_the_readme_shows_what_compare_prints() -> None:
    text = (RUNS / "README.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```console\n(.*?)\n```", text, flags=re.DOTALL)
    done = colocate(
        "compare", RUNS / "before", RUNS / "after", "--max-regression", "0.01", env={"COLUMNS": "80"}
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (10, "")
    assert "\n".join(line.rstrip() for line in done.stdout.splitlines()) == shown


def test_the_runs_differ_in_one_constant_alone() -> None:
    before, after = (header_of(RUNS / name).spec for name in ("before", "after"))
    assert (before.model, after.model) == ((), (("contention", 1.5),))
    studies = [dict(read_study(RUNS / name / "study.toml")) for name in ("before", "after")]
    assert studies[1].pop("model") == {"contention": 1.5} and studies[0] == studies[1]
