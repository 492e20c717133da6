"""Which background tasks may share the CPU with a GPU network, and how sure we are."""

from typing import TYPE_CHECKING

from colocate.version import __version__

if TYPE_CHECKING:
    import os
    from collections.abc import Collection

    from colocate.results import Results

__all__ = ["__version__", "load"]


def load(run: "str | os.PathLike[str]", *, without: "Collection[str]" = (), **limits: "float | str") -> "Results":
    """The run in the folder `run`, finished or not, for Python: `.cells`, `.verdicts`, `.latencies(cell)`.

    `limits` are those of a study file, as in `slo_ms=30`: each overrides the run's own limit of that name. Those in
    `without` are dropped. Raises an error of `colocate.errors` with a message for the user.
    """
    # Asking for help must stay cheap, and so must `import colocate`.
    from pathlib import Path

    from colocate.request.limit_keys import LimitChanges
    from colocate.results import load_results

    return load_results(Path(run), LimitChanges(limits, without))
