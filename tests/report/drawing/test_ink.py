"""Lines and boxes that are drawn at once stand where they would stand one by one."""

from __future__ import annotations

import io
from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from PIL import Image

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
