"""Checksums of stored cells: each covers what was stored before it, so nothing can change, move or go unnoticed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

Cell = str | bytes | None


def chained(before: str, cells: Iterable[Cell]) -> str:
    """The checksum of a row's cells, which follow what has the checksum `before`."""
    digest = hashlib.blake2b(before.encode(), digest_size=16)
    for cell in cells:
        content = cell.encode() if isinstance(cell, str) else cell or b""
        # With kind and length no two rows look alike that are not.
        digest.update(f"{type(cell).__name__} {len(content)} ".encode())
        digest.update(content)
    return digest.hexdigest()
