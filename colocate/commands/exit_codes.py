"""The exit codes of answers. `colocate.errors` has those of failures. 1 is never used, because a crash gives it."""

from __future__ import annotations

DONE = 0
NO = 10
"""The answer is no: all cells are UNSAFE, a required cell is UNSAFE, or a regression was shown."""
UNKNOWN = 11
"""The answer is not known yet: no cell is SAFE and some are UNDECIDED, or a required cell is UNDECIDED."""
