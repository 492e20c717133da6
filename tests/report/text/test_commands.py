"""Command lines that a shell takes, however narrow the terminal."""

from __future__ import annotations

import shlex
import subprocess

import pytest

from colocate.report.text.commands import command_text, shell_word

ADVISE = ["python", "-m", "colocate", "advise", "results/my run", "--slo-ms", "30", "--without", "power-budget-w"]


@pytest.mark.parametrize("width", [1, 40, 60, 80, 200])
def test_a_shell_reads_the_same_words_at_every_width(width: int) -> None:
    text = command_text(ADVISE, width)
    assert shlex.split(text.replace("\\\n", " ")) == ADVISE
    assert max(map(len, text.splitlines())) <= max(width, len("      --without power-budget-w \\"))


def test_a_flag_stays_with_its_value() -> None:
    assert command_text(ADVISE, 60) == (
        "  python -m colocate advise 'results/my run' --slo-ms 30 \\\n      --without power-budget-w"
    )
    assert "\n" not in command_text(ADVISE, 90)


@pytest.mark.parametrize(
    "name", ["plain", "my run", "it's", "a\nb", "a\\\n'b", "\x1b[31m", "\u202egnp", "\udcff", "\u00a0"]
)
def test_a_word_is_on_one_line_and_read_as_it_was(name: str) -> None:
    word = shell_word(name)
    assert word.isprintable()
    assert subprocess.check_output(["bash", "-c", f"printf %s {word}"]) == name.encode(errors="surrogateescape")
