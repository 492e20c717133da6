"""Checksums of stored rows. Each covers all rows before it, so a row that changed, moved or is missing is noticed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

Cell = str | bytes | None


def chained(before: str, cells: Iterable[Cell]) -> str:
    """Return the checksum of a row's cells. `before` is the checksum of all that was stored before the row."""
    digest = hashlib.blake2b(before.encode(), digest_size=16)
    for cell in cells:
        content = cell.encode() if isinstance(cell, str) else cell or b""
        # With type and length, two different rows never give the same bytes.
        digest.update(f"{type(cell).__name__} {len(content)} ".encode())
        digest.update(content)
    return digest.hexdigest()
