from __future__ import annotations

import itertools

from colocate.store.checksum import chained


def test_what_is_another_row_has_another_checksum() -> None:
    rows = [
        ("ab",),
        ("a", "b"),
        (b"ab",),
        ("ab", None),
        ("ab", ""),
        ("ab", b""),
        (None,),
        ("",),
        ("ab1 c",),
        ("ab", "c"),
    ]
    sums = [chained(before, row) for before in ("", "x") for row in rows]
    assert all(one != other for one, other in itertools.combinations(sums, 2))
    assert chained("", ("ab",)) == chained("", ("ab",))
