"""Run a module of the worker under the Python that runs this file: `PYTHON start.py MODULE ARGUMENT...`

The folder that holds colocate may also hold packages for another Python, whose numpy this one cannot load. So only
colocate's own two packages can be imported from that folder.
"""

import runpy
import sys
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

HOME = Path(__file__).resolve().parent.parent.parent
OURS = ("colocate", "cpu_workloads")


class OurFinder:
    """Finds colocate's packages beside this file, and no others."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> "ModuleSpec | None":
        """See `importlib.abc.MetaPathFinder`."""
        return PathFinder.find_spec(name, [str(HOME)]) if name in OURS else None


def main() -> None:
    """Run the module as `python -m` does."""
    # Python put this file's own folder there, whose files have the names of other modules too.
    del sys.path[0]
    sys.meta_path.insert(0, OurFinder)
    module, *sys.argv[1:] = sys.argv[1:]
    # The launcher is gone from then on: a module `colocate.worker` is its `__main__`.
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
