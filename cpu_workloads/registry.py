"""The built-in stressors. A new one is one file and one line here. Each is imported only when it is loaded."""

from __future__ import annotations

import difflib
import importlib
from typing import cast

from cpu_workloads.stressor import Stressor, StressorError

STRESSORS = {
    "bitcount": "cpu_workloads.bitcount:Bitcount",
    "stringsearch": "cpu_workloads.stringsearch:Stringsearch",
    "stringsearch-scan": "cpu_workloads.stringsearch:StringsearchScan",
    "jpeg": "cpu_workloads.jpeg:Jpeg",
    "jpeg-small": "cpu_workloads.jpeg:JpegSmall",
}

_FIXES = {
    "cpu_workloads._kernels": "its C kernels were not built: install gcc and python3-dev (Debian), "
    "then run pip install -e . in the source folder",
    "PIL": "it needs Pillow: pip install Pillow",
}


def names() -> tuple[str, ...]:
    """The names of the built-in stressors."""
    return tuple(STRESSORS)


def fix(name: str) -> str:
    """Say how to fix what keeps this built-in stressor from running here; empty if it can run."""
    try:
        load(name)
    except StressorError as error:
        return str(error)
    return ""


def load(name: str) -> Stressor:
    """Make the stressor of this name. Raises StressorError: exit code 2 if it is unknown, 3 if a need is missing."""
    target = STRESSORS.get(name)
    if target is None:
        near = difflib.get_close_matches(name, [*STRESSORS, "command"], n=1, cutoff=0.0)
        raise StressorError(f"no stressor named {name!r}; did you mean {near[0]!r}?", 2)
    module, _, attribute = target.partition(":")
    try:
        make = getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        if (known := _FIXES.get(error.name or "")) is None:
            raise
        raise StressorError(f"{name} cannot run: {known}", 3) from error
    return cast(Stressor, make())
