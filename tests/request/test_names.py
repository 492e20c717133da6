from __future__ import annotations

import pytest

from colocate.errors import SpecError
from colocate.request.names import can_name, check_name


def test_what_parts_lists_files_and_tables_is_in_no_name() -> None:
    assert can_name("my-cam_2") and can_name("a+b") and can_name("Kamera 1")
    for name in ("", "none", "a/b", "a;b", "a,b", "a\nb", "\x1b[31m"):
        assert not can_name(name)
        with pytest.raises(SpecError, match=r"^commands: .* cannot name a task; use letters, digits, '-' and '_'$"):
            check_name("commands", name, "a task")


def test_what_may_hold_more_says_so() -> None:
    check_name("mixes", "jpeg+network:a/b.onnx", "a mix", "+/")
    with pytest.raises(SpecError, match=r"use letters, digits, '-', '\+', '/' and '_'"):
        check_name("mixes", "a;b", "a mix", "+/")
