"""A session that begins in another folder than the source's, as the console script's may."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SESSION = """
import pathlib
import colocate.host.restore.session as session
from colocate.host.clocks.find import Clocks
from colocate.host.sysfs import Sysfs

with session.held(Clocks(None, None, None), (), pathlib.Path("state"), Sysfs()):
    print("held")
"""


def test_the_watchdog_finds_its_code_from_any_folder(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", SESSION], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "held\n"), done.stderr
