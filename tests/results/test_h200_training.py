"""What the shipped study of training on H200 says in words is what its tables say in numbers."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest
from matplotlib.text import Annotation

from colocate.report.run_report import load
from colocate.report.sections import section_of
from colocate.report.text.captions import caption_of
from tests.report.drawn import cut_words
from tests.rows import rows_of

STUDY = Path(__file__).parents[2] / "results" / "h200-training"
TEXT = (STUDY / "README.md").read_text(encoding="utf-8")
WORDS = " ".join(TEXT.split())
RUNS, DIGITS = ("alexnet", "resnet50", "resnet50-4gpus"), ("digits-alexnet", "digits-resnet50")
ROW = re.compile(r"^\| ([\w-]+) \| (\d+) \| (\d) \| (.+) \| (.+) \| (.*) \| (.*) \| (.*) \|$", re.MULTILINE)
COLUMNS = (
    ("images_per_s", 1, 0), ("epoch_j", 1e-3, 1), ("energy_ratio_over_smallest_batch", 1, 3),
    ("speed_up_over_one_rank", 1, 3), ("energy_ratio_over_one_rank", 1, 3),
)  # fmt: skip
Key = tuple[str, str, str]


def table() -> dict[Key, dict[str, str]]:
    rows = ((run, row) for run in RUNS for row in rows_of(STUDY / run / "training.csv"))
    return {(run, row["batch"], row["gpus"]): row for run, row in rows}


def said_of(row: dict[str, str], column: str, scale: float, digits: int) -> str:
    """A value with its interval, as the tables write it; nothing where there is none."""
    value, lo, hi = (row[f"{column}{end}"] for end in ("", "_lo", "_hi"))
    return "" if not value else "{} [{}, {}]".format(*(f"{scale * float(end):.{digits}f}" for end in (value, lo, hi)))


def test_every_number_of_the_table_is_that_of_its_setting() -> None:
    said = {(run, batch, gpus): cells for run, batch, gpus, *cells in ROW.findall(TEXT)}
    rows = table()
    assert said.keys() == rows.keys() and len(rows) == 28
    for key, row in rows.items():
        for (column, scale, digits), words in zip(COLUMNS, said[key], strict=True):
            assert words == said_of(row, column, scale, digits), (key, column)


def test_every_accuracy_is_that_of_its_batch() -> None:
    rows = [(run, row) for run in DIGITS for row in rows_of(STUDY / run / "training.csv")]
    assert len(rows) == 6
    for run, row in rows:
        setting = (row[column] for column in ("batch", "epochs", "learning_rate", "seeds"))
        assert f"| {run} | {' | '.join(setting)} | {said_of(row, 'accuracy', 100, 1)} |" in TEXT


@pytest.mark.parametrize("run", ["alexnet", "resnet50-4gpus"])
def test_what_it_says_of_four_gpus_is_in_the_table(run: str) -> None:
    rows = table()
    for batch in ("64", "1024"):
        speed_up, energy = (
            f"{float(rows[run, batch, '4'][column]):.2f}"
            for column in ("speed_up_over_one_rank", "energy_ratio_over_one_rank")
        )
        assert f"{speed_up} times as fast for {energy} times the energy at {batch}" in WORDS


@pytest.mark.parametrize(
    ("run", "gains_said"), [("alexnet", "1.30 times on one GPU, 3.51"), ("resnet50-4gpus", "1.14 and 4.73")]
)
def test_what_it_says_of_larger_batches_is_in_the_table(run: str, gains_said: str) -> None:
    rows = table()
    gains = [
        float(rows[run, "1024", gpus]["images_per_s"]) / float(rows[run, "64", gpus]["images_per_s"])
        for gpus in ("1", "4")
    ]
    assert [f"{gain:.2f}" for gain in gains] == re.findall(r"\d\.\d\d", gains_said)
    assert gains_said in WORDS


def test_the_settings_of_least_energy_and_the_front_are_those_it_names() -> None:
    rows = table()
    chosen = {key for key, row in rows.items() if row["chosen"] == "1"}
    assert chosen == {("alexnet", "1024", "1"), ("resnet50", "256", "1"), ("resnet50-4gpus", "256", "1")}
    assert "one GPU for both networks, with batch 1024 for AlexNet and 256 for ResNet-50" in WORDS
    front = {key[1:] for key, row in rows.items() if key[0] == "alexnet" and row["on_front"] == "1"}
    assert front | {("1024", "1")} == {("1024", "1"), ("1024", "2"), ("1024", "4")}


@pytest.mark.parametrize("name_of_run", RUNS)
def test_its_figures_are_whole_and_their_labels_apart(name_of_run: str) -> None:
    run = load(STUDY / name_of_run)
    section = section_of(run.header.purpose)
    pages = dict(section.figures(section.load(run, {}), run, caption_of(run.header, run.cells, run.records)))
    assert len(pages) == 2
    for name, drawn in pages.items():
        for figure in drawn():
            assert not cut_words(figure), name
            labels = [found.get_window_extent() for found in figure.findobj(Annotation)]
            assert not any(one.overlaps(other) for one, other in itertools.combinations(labels, 2)), name
            inside = [axes.bbox for axes in figure.axes]
            assert all(any(box.contains(*label.p0) and box.contains(*label.p1) for box in inside) for label in labels)
