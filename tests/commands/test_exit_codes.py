"""The exit codes of answers, and those of failures."""

from __future__ import annotations

from colocate.commands.exit_codes import DONE, NO, UNKNOWN
from colocate.errors import ColocateError


def kinds(of: type[ColocateError]) -> list[type[ColocateError]]:
    return [each for own in of.__subclasses__() for each in (own, *kinds(own))]


def test_no_failure_has_the_code_of_a_crash_or_of_an_answer() -> None:
    codes = {kind.exit_code for kind in kinds(ColocateError)}
    assert codes == {2, 3, 4, 5, 6}
    assert (DONE, NO, UNKNOWN) == (0, 10, 11)
