"""What only a shell would understand is found, and nothing that quotes make ordinary."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colocate.request.shell_syntax import shell_syntax


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("make && run", "&&"), ("run || true", "||"), ("sort < in", "<"), ("run > out", ">"), ("run >> out", ">>"),
        ("yes | head", "|"), ("a; b", ";"), ("run &", "&"), ("run 2>&1", ">"), ("curl http://x/?a=1&b=2", "&"),
        ("THREADS=4 run", "THREADS="), ("A=1 B=2 run", "A="), ("A='b c' run", "A="),
        ("~/bin/run", "~/bin/run"), ("run ~/data x", "~/data"), ("run $HOME/x", "$HOME"), ('run "$HOME/x"', "$HOME"),
        ("run ${N}", "${N}"), ("run $(nproc)", "$(nproc)"), ("run `nproc`", "`nproc`"), ('run "`nproc`"', "`nproc`"),
        ("ls *.jpg", "*.jpg"), ("ls data/*", "data/*"), ("cp a/*/b c", "a/*/b"), ("ls *", "*"),
    ],
)  # fmt: skip
def test_what_a_shell_would_act_on_is_found(line: str, found: str) -> None:
    assert shell_syntax(line) == found


@pytest.mark.parametrize(
    "line",
    [
        "", "gzip -9 -c 'a b'", "run 'a && b' \"c | d\" e\\;f", "run A=1", "env A=1 run", "run b~ a=~",
        "run '~/x' \\~",
        "run '$HOME' \\$HOME", 'grep "^a$" file', "run 5$ 100%", "run '`nproc`'", "expr 2*3", "ls '*.jpg' \\*",
        "ffmpeg -vf scale=*:2 -f null -", "curl http://x/*", "find . -name '*.py'", "run 'open", "run \\",
    ],
)  # fmt: skip
def test_what_it_would_pass_on_is_not(line: str) -> None:
    assert shell_syntax(line) is None


@given(st.lists(st.text(), min_size=1))
def test_quoted_words_are_ordinary_whatever_they_hold(words: list[str]) -> None:
    assert shell_syntax(" ".join(f"'{word}'" for word in words if "'" not in word)) is None
    assert shell_syntax(f"run {shlex.join(words)}") is None


@given(st.text())
def test_every_line_has_an_answer_that_stands_in_it(line: str) -> None:
    found = shell_syntax(line)
    assert found is None or found in line
