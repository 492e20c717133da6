from __future__ import annotations

import os
from pathlib import Path

from colocate.host.locks import locked


def test_one_descriptor_has_the_lock_until_it_is_closed(tmp_path: Path) -> None:
    first, second = (os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY) for _ in range(2))
    try:
        assert locked(first) and locked(first) and not locked(second)
        os.close(first)
        assert locked(second)
    finally:
        os.close(second)
