"""The exit codes of an answer. Those of failures are in `colocate.errors`; 1 is never used, as a crash gives it."""

from __future__ import annotations

DONE = 0
NO = 10
"""The answer is no: nothing is safe, a required cell is UNSAFE, or a regression was shown."""
UNKNOWN = 11
"""The answer is not known yet: what could be the answer is UNDECIDED."""
