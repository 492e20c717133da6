"""The older Pythons of this machine: a worker must run under them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

OLDER = ("3.6", "3.7", "3.8", "3.9")


@cache
def older_pythons() -> dict[str, str]:
    """By version the path of each that is on the PATH or that pyenv installed."""
    installed = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions"
    found = {}
    for version in OLDER:
        paths = [shutil.which(f"python{version}"), *map(str, installed.glob(f"{version}.*/bin/python"))]
        for path in filter(None, paths):
            said = subprocess.run([path, "--version"], capture_output=True, text=True).stdout
            if re.match(rf"Python {re.escape(version)}\.", said):
                found[version] = path
    return found
