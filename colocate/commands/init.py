"""`colocate init`: a commented study file for this machine."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from colocate.commands.common_arguments import given, named_path
from colocate.commands.output import print_lines
from colocate.commands.study_flags import STUDY_FLAGS, add_study_flags
from colocate.errors import SpecError, StoreError

SUMMARY = "a commented study file for this machine"
DESCRIPTION = """\
Writes a study file that says what this machine can do, with the choices that most studies make as comments. Flags are
those of `sweep`: what is given stands in the file as a choice that is made."""
FILE = Path("study.toml")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The file, and every key of a study."""
    parser.add_argument(
        "file", nargs="?", type=named_path, default=FILE, metavar="FILE", help=f"file to write (default: {FILE})"
    )
    add_study_flags(parser)


def run(arguments: argparse.Namespace) -> int:
    """Look at the machine and write the file, which must not be there."""
    from colocate.request.spec import make_study
    from colocate.request.starter_file import starter_file
    from colocate.rigs.registry import make_rig

    file, keys = arguments.file, given(arguments, STUDY_FLAGS)
    study = make_study(keys)
    name = shlex.quote(str(file))
    text = starter_file(make_rig(study.spec.rig, workers=study.spec.workers).facts(), keys, name)
    try:
        with file.open("x", encoding="utf-8") as new:
            new.write(text)
    except FileExistsError as error:
        raise SpecError(
            f"{file} is there already; name another file, as in: python -m colocate init other.toml"
        ) from error
    except OSError as error:
        raise StoreError(f"cannot write {file}: {error.strerror}") from error
    print_lines(f"Wrote {file}. Edit it, then run: python -m colocate sweep {name}")
    return 0
