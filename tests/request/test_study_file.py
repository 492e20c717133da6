"""Studies in files: read, written, and read again."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colocate.errors import SpecError
from colocate.model.request import Inference, Task
from colocate.request.spec import make_spec
from colocate.request.study_file import read_study, study_file

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

STUDY = """
networks = ["alexnet", { network = "mine.onnx", batch = 4, precision = "fp16" }]
stressors = ["jpeg"]
cpu_clocks = [102, 921.6, "high"]
window = 1.5
[commands]
encoder = "ffmpeg -i 'a b.mp4' -f null -"
"""


def test_a_study_file_says_everything(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text(STUDY)
    spec = make_spec(read_study(path))
    assert spec.inferences == (
        Inference("alexnet", "auto", "fp32", 1),
        Inference(str(Path("mine.onnx").absolute()), "auto", "fp16", 4),
    )
    assert spec.tasks == (Task("jpeg"), Task("encoder", ("ffmpeg", "-i", "a b.mp4", "-f", "null", "-")))
    assert spec.cpu_clocks == (102_000_000, 921_600_000, "high")
    assert spec.window_s == 1.5


ROOT = Path(__file__).parents[2]
STUDIES = [
    pytest.param(block, id=f"{page.name}-{number}")
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
    for number, block in enumerate(re.findall(r"```toml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL))
]


@pytest.mark.parametrize("block", STUDIES)
def test_every_study_on_a_page_is_one(block: str, tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(block)
    make_spec(read_study(tmp_path / "study.toml"))


def test_malformed_toml_is_reported_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text("window = 1\nrepeats = = 3\n")
    with pytest.raises(SpecError, match="line 2"):
        read_study(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(SpecError, match="not valid TOML"):
        read_study(path)
    with pytest.raises(SpecError, match="No such file"):
        read_study(tmp_path / "absent.toml")


def test_a_file_that_is_nested_too_deeply_is_no_study(tmp_path: Path) -> None:
    path = tmp_path / "deep.toml"
    path.write_text("networks = " + "[" * 100_000)
    with pytest.raises(SpecError, match=r"nested too deeply|not valid TOML"):
        read_study(path)


values = st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
tables = st.dictionaries(st.text(min_size=1), values, min_size=1, max_size=3)


@given(st.dictionaries(st.from_regex(r"[a-z_]+", fullmatch=True), values | st.lists(values | tables) | tables))
def test_what_is_written_reads_back_as_it_was(keys: dict[str, object]) -> None:
    assert tomllib.loads(study_file(keys)) == keys


def test_a_study_of_defaults_is_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text(study_file({"window": None}))
    assert path.read_text() == "" and read_study(path) == {}


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text("# " + "x" * (1 << 20))
    with pytest.raises(SpecError, match=r"study\.toml is too large for a study: 1048576 bytes are the most"):
        read_study(path)
    with pytest.raises(SpecError, match="/dev/zero is too large"):
        read_study(Path("/dev/zero"))


def test_a_byte_order_mark_is_no_part_of_a_study(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_bytes(b"\xef\xbb\xbfrepeats = 3\n")
    assert read_study(path) == {"repeats": 3}


def test_a_number_of_thousands_of_digits_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text(f"seed = {'9' * 5000}\n")
    with pytest.raises(SpecError, match=r"study\.toml is not valid TOML"):
        read_study(path)


def test_nothing_in_a_study_that_is_written_acts_on_a_terminal(tmp_path: Path) -> None:
    keys = {"commands": {"a": {"argv": ["echo", "\x1b[2J\x9b\u202e\U000e0001"]}}}
    text = study_file(keys)
    assert text.replace("\n", "").isprintable()
    (tmp_path / "study.toml").write_text(text)
    assert read_study(tmp_path / "study.toml") == keys


def test_a_key_of_many_parts_takes_neither_the_memory_nor_the_day(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text("a." * 50_000 + "b = 1")
    with pytest.raises(SpecError, match=r"study\.toml takes more than .* to read; make it smaller or simpler"):
        read_study(path)
