"""What the shipped study of training on two H200 says in words is what its tables say in numbers."""

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
ROW = re.compile(r"^\| (\w+) \| (\d+) \| (\d) \| (.+) \| (.+) \| (.*) \| (.*) \| (.*) \|$", re.MULTILINE)
COLUMNS = (
    ("images_per_s", 1, 0), ("epoch_j", 1e-3, 1), ("energy_ratio_over_smallest_batch", 1, 3),
    ("speed_up_over_one_rank", 1, 3), ("energy_ratio_over_one_rank", 1, 3),
)  # fmt: skip
Key = tuple[str, str, str]


def table() -> dict[Key, dict[str, str]]:
    rows = (row for name in ("alexnet", "resnet50") for row in rows_of(STUDY / name / "training.csv"))
    return {(row["network"], row["batch"], row["gpus"]): row for row in rows}


def test_every_number_of_the_table_is_that_of_its_setting() -> None:
    said = {(network, batch, gpus): cells for network, batch, gpus, *cells in ROW.findall(TEXT)}
    rows = table()
    assert said.keys() == rows.keys() and len(rows) == 16
    for key, row in rows.items():
        for (column, scale, digits), words in zip(COLUMNS, said[key], strict=True):
            ends = [row[f"{column}{end}"] for end in ("", "_lo", "_hi")]
            value, lo, hi = (f"{scale * float(end):.{digits}f}" if end else "" for end in ends)
            assert words == (f"{value} [{lo}, {hi}]" if value else ""), (key, column)


@pytest.mark.parametrize("network", ["alexnet", "resnet50"])
def test_what_it_says_of_a_second_gpu_is_in_the_table(network: str) -> None:
    rows = table()
    for batch in ("64", "1024"):
        speed_up, energy = (
            f"{float(rows[network, batch, '2'][column]):.2f}"
            for column in ("speed_up_over_one_rank", "energy_ratio_over_one_rank")
        )
        assert re.search(rf"{speed_up} times (as fast )?for {energy} (times the energy )?at {batch}", WORDS), batch


def test_the_settings_of_least_energy_are_those_it_names() -> None:
    chosen = {key for key, row in table().items() if row["chosen"] == "1"}
    assert chosen == {("alexnet", "1024", "1"), ("resnet50", "256", "1")}
    assert "one GPU for both networks, with batch 1024 for AlexNet and 256 for ResNet-50" in WORDS
    assert all(table()[network, "1024", "2"]["on_front"] == "1" for network in ("alexnet", "resnet50"))


@pytest.mark.parametrize("network", ["alexnet", "resnet50"])
def test_its_figures_are_whole_and_their_labels_apart(network: str) -> None:
    run = load(STUDY / network)
    section = section_of(run.header.purpose)
    pages = dict(section.figures(section.load(run, {}), run, caption_of(run.header, run.cells, run.records)))
    assert len(pages) == 2
    for name, figures in pages.items():
        for figure in figures:
            assert not cut_words(figure), name
            labels = [found.get_window_extent() for found in figure.findobj(Annotation)]
            assert not any(one.overlaps(other) for one, other in itertools.combinations(labels, 2)), name
            inside = [axes.bbox for axes in figure.axes]
            assert all(any(box.contains(*label.p0) and box.contains(*label.p1) for box in inside) for label in labels)
