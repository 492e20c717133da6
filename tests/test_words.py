"""The project's words: one word, one meaning, in code, help, messages, pages and documents."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# Word -> what is said here. Files that must name the old word are listed beside it.
REPLACED = {
    r"doubts?|doubted": "warning",
    r"mends?|mended": "fix",
    r"hollow": "launch overhead",
    r"anatomy": "layer map",
    r"counsel": "report",
    r"untold|told from": "not significant, or unknown",
    r"too few blocks|blocks at the least|interval over blocks": "repeats: how often a cell was measured",
}
ALLOWED = {"colocate/store/schema1.py", "tests/test_words.py", "CHANGELOG.md"}
KINDS = (".py", ".md", ".j2", ".js", ".toml", ".cfg", ".sh", ".yml", ".yaml")


def files() -> list[Path]:
    found = [
        path for folder in ("colocate", "cpu_workloads", "docs", "examples") for path in (ROOT / folder).rglob("*")
    ]
    return sorted(path for path in (*found, *ROOT.glob("*.*")) if path.suffix in KINDS and path.is_file())


@pytest.mark.parametrize("pattern", REPLACED)
def test_one_word_has_one_meaning(pattern: str) -> None:
    word = re.compile(rf"\b({pattern})\b", re.IGNORECASE)
    used = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in files()
        if str(path.relative_to(ROOT)) not in ALLOWED
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if word.search(line)
    ]
    assert not used, f"say {REPLACED[pattern]}"
