"""One boot of the board for all parts that `parts.py` runs there, and what each of them left."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.board_vm.vm import BoardError, Completed, run_in_board

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = 'echo kept >"$1/kept"; echo aside >&2; "$2" -m tests.board_vm.parts "$1" "$3" "$4" && exit 7'


@dataclass(frozen=True, slots=True)
class Boot:
    """`ended` is how the whole came to its end; `out` has the folder of each part."""

    out: Path
    ended: Completed | BoardError

    def found(self, part: str) -> Any:
        """The JSON that a part printed. Fails, with its last words, where it did not end well."""
        folder = self.out / part
        if not (folder / "exit_code").exists():
            pytest.fail(f"{part} did not run to its end: {self.ended}")
        assert (folder / "exit_code").read_text() == "0", f"{part}: {(folder / 'stderr').read_text()[-4000:]}"
        return json.loads((folder / "stdout").read_text() or "null")


def boot(parts: Mapping[str, Sequence[str]], out: Path, timeout_s: float) -> Boot:
    """Run the parts, by name the module of each and its arguments, in one boot; raises nothing where one fails.

    `timeout_s` is for each part, and for the start of the board, in the host's time.
    """
    argv = ["sh", "-c", SCRIPT, "sh", str(out), sys.executable, str(timeout_s), json.dumps(parts)]
    try:
        return Boot(out, run_in_board(argv, timeout_s * (1 + len(parts)), out, cwd=ROOT))
    except BoardError as error:
        return Boot(out, error)
