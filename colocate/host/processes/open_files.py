"""Whether this process may open as many files at once as a study needs; checked before anything is changed."""

from __future__ import annotations

import resource

from colocate.errors import HostError

# This process with its meters and knobs; and a child with its pipes, its output and the counters that watch it.
OF_ITSELF, OF_A_CHILD = 64, 8


def allow_open_files(children: int) -> None:
    """Raise the limit of open files to what so many `children` need. Raises HostError if the hard limit is lower."""
    needed = OF_ITSELF + OF_A_CHILD * children
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise HostError(
            f"this process may open {hard} files at once, and this study needs {needed}: raise the limit (ulimit -n)"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
