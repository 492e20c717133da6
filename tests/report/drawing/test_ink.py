"""Lines and boxes that are drawn at once stand where they would stand one by one."""

from __future__ import annotations

import io
from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from matplotlib.textpath import text_to_path
from PIL import Image

from colocate.report.drawing.ink import _MIDDLE, font_of, text_width_in
from colocate.report.drawing.paper import Sheet

RED, BLUE = (255, 0, 0), (0, 0, 255)
DPI = 100


def pixels(sheet: Sheet) -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
    drawn = io.BytesIO()
    sheet.figure.savefig(drawn, format="png", dpi=DPI)
    return np.asarray(Image.open(drawn).convert("RGB"))


def test_a_box_fills_its_place_and_lies_over_those_before_it() -> None:
    sheet = Sheet(2.0, 1.0)
    sheet.box(0.5, 0.25, 1.0, 0.5, face="#ff0000")
    sheet.box(0.5, 0.25, 0.5, 0.5, face="#0000ff")
    found = pixels(sheet)
    rows, columns = np.nonzero((found == RED).all(axis=2))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (25, 74, 100, 149)
    rows, columns = np.nonzero((found == BLUE).all(axis=2))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (25, 74, 50, 99)


@pytest.mark.parametrize(("ha", "left"), [("left", 100), ("center", 100 - 40), ("right", 100 - 80)])
def test_a_line_stands_beside_its_place(ha: str, left: int) -> None:
    sheet = Sheet(2.0, 1.0)
    # Of a size at which it is about 0.8 inches wide.
    sheet.text(1.0, 0.5, "HHHHHHHH", 9.6, ha=ha, colour="#0000ff")
    rows, columns = np.nonzero(pixels(sheet)[:, :, 0] < 128)
    assert columns.min() == pytest.approx(left, abs=4) and columns.max() == pytest.approx(left + 80, abs=4)
    assert (rows.min() + rows.max()) / 2 == pytest.approx(50, abs=3)


def test_a_format_that_aligns_text_itself_is_told_how(tmp_path: Path) -> None:
    sheet = Sheet(2.0, 1.0)
    for ha in ("left", "center", "right"):
        sheet.text(1.0, 0.5, ha, ha=ha, weight="bold")
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        sheet.figure.savefig(tmp_path / "a.svg")
    found = [node.attrib for node in ElementTree.parse(tmp_path / "a.svg").iter() if node.tag.endswith("}text")]
    assert [each["style"].split("text-anchor: ")[1].split(";")[0] for each in found] == ["start", "middle", "end"]
    assert {each["x"] for each in found} == {"72"}


@pytest.mark.parametrize("weight", ["normal", "bold"])
@pytest.mark.parametrize("words", ["1.05 n.s.", "[0.99, 1.10]", "jpeg, Ångström", "▼ 0.98 *"])
def test_a_line_looks_as_the_librarys_own(words: str, weight: str) -> None:
    ours, theirs = Sheet(2.0, 1.0), Sheet(2.0, 1.0)
    ours.text(0.5, 0.5, words, 9.0, weight=weight, colour="#b5367a")
    baseline_in = 0.5 + _MIDDLE * 9.0 / 72
    theirs.figure.text(
        0.25, 1 - baseline_in, words, size=9.0, weight=weight, color="#b5367a", verticalalignment="baseline"
    )
    ink, other = (255.0 - pixels(sheet) for sheet in (ours, theirs))
    assert ink.sum() == pytest.approx(other.sum(), rel=0.02)
    for axis in (0, 1):
        place, its = (np.average(np.indices(each.shape)[axis], weights=each) for each in (ink, other))
        assert place == pytest.approx(its, abs=0.6)
    assert ink.max(axis=(0, 1)) == pytest.approx(other.max(axis=(0, 1)), abs=8), "in its colour"


@pytest.mark.parametrize("words", ["2017", "[1.05, 1.19]", "at 921.6 MHz, 3 of 14"])
def test_digits_are_all_as_wide_as_one_another(words: str) -> None:
    width, *_ = text_to_path.get_text_width_height_descent(words, font_of(9.0, "normal"), ismath=False)
    assert text_width_in(words, 9.0) == pytest.approx(width / 72)
