"""Find out which background tasks may share the CPU with a network on the GPU, and how certain that is."""

from typing import TYPE_CHECKING

from colocate.version import __version__

if TYPE_CHECKING:
    import os
    from collections.abc import Collection

    from colocate.results import Results

__all__ = ["__version__", "load"]


def load(run: "str | os.PathLike[str]", *, without: "Collection[str]" = (), **limits: "float | str") -> "Results":
    """Load the run in the folder `run`, finished or not: it has `.cells`, `.verdicts` and `.latencies(cell)`.

    Keywords in `limits` are keys of a study file, as in `slo_ms=30`: each overrides the run's own limit of that name.
    `without` names limits of the run to drop. Raises a `colocate.errors.ColocateError` with a message for the user.
    """
    # Imported here, so that `import colocate` and `--help` stay fast.
    from pathlib import Path

    from colocate.request.limit_keys import LimitChanges
    from colocate.results import load_results

    return load_results(Path(run), LimitChanges(limits, without))
