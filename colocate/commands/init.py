"""`colocate init`: write a commented study file for this machine."""

from __future__ import annotations

import argparse
from pathlib import Path

from colocate.commands.common_arguments import given, named_path
from colocate.commands.output import print_lines
from colocate.commands.study_flags import STUDY_FLAGS, add_study_flags
from colocate.errors import SpecError, StoreError
from colocate.report.text.commands import shell_word
from colocate.report.text.visible import one_line

SUMMARY = "a commented study file for this machine"
DESCRIPTION = """\
Writes a study file that states what this machine can do and offers common choices, commented out. It takes the
flags of `sweep` that are keys of a study file, and writes each that you give into it."""
FILE = Path("study.toml")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the file, and every key of a study as a flag."""
    parser.add_argument(
        "file", nargs="?", type=named_path, default=FILE, metavar="FILE", help=f"file to write (default: {FILE})"
    )
    add_study_flags(parser)


def run(arguments: argparse.Namespace) -> int:
    """Examine the machine and write the file, which must not exist. Raises what a sweep of that file would raise."""
    from colocate.request.spec import make_study
    from colocate.request.starter_file import starter_file
    from colocate.request.study_file import parsed
    from colocate.rigs.registry import make_rig
    from colocate.sweep import planned
    from colocate.trial_loop import ThisMachine

    file, keys = arguments.file, given(arguments, STUDY_FLAGS)
    spec = make_study(keys).spec
    rig = make_rig(spec.rig, workers=spec.workers)
    name = shell_word(str(file))
    text = starter_file(rig.facts(), keys, name)
    planned(make_study(parsed(file, text.encode())), ThisMachine(rig))
    try:
        with file.open("x", encoding="utf-8") as new:
            new.write(text)
    except FileExistsError as error:
        raise SpecError(
            f"{file} is there already; name another file, as in: python -m colocate init other.toml"
        ) from error
    except OSError as error:
        raise StoreError(
            f"cannot write {file}: {error.strerror}; name a file in a folder that is there and that you can write to"
        ) from error
    print_lines(f"Wrote {one_line(str(file), None)}. Edit it, then run: python -m colocate sweep {name}")
    return 0
