"""The shape of the house: imports run one way and in no circle, files stay small, asking for help is cheap."""

from __future__ import annotations

import ast
import graphlib
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# The floors: a room may import from these rooms and from itself (docs/architecture.md draws them).
MAY_IMPORT = {
    "errors": set[str](),
    "version": set[str](),
    "files": {"errors"},
    "worker": {"version"},
    # Runs in the worker, and is the one room that imports torch.
    "training": {"worker", "parent"},
    # A user's program imports or copies it.
    "marks": set[str](),
    "blas": set[str](),
    "model": {"errors"},
    "study": {"errors", "model"},
    "host": {"errors", "blas", "model"},
    "power": {"errors", "model"},
    "parent": set[str](),
    "forked": {"parent"},
    "bounded": {"errors", "forked"},
    "inference": {"errors", "bounded", "model", "worker"},
    "store": {"errors", "files", "model"},
    "rigs": {"errors", "files", "model", "study", "host", "power", "inference", "worker", "training"},
    "request": {"errors", "bounded", "model", "study", "inference", "training", "rigs"},
    "trial_loop": {"errors", "forked", "model", "rigs"},
    # What runs on a board, and the client that hands out blocks.
    "fleet": {"errors", "version", "parent", "model", "study", "host", "rigs", "trial_loop"},
    "sweep": {"errors", "model", "study", "rigs", "request", "store", "trial_loop"},
    "report": {"errors", "version", "forked", "files", "model", "study", "request", "store"},
    # What Python code sees of a run: `colocate.load`.
    "results": {"errors", "model", "study", "request", "report"},
    "progress": {"model", "study", "inference", "store", "sweep", "report"},
    "commands": {
        *("errors", "model", "study", "request", "host", "inference", "worker", "store", "rigs"),
        *("trial_loop", "fleet", "sweep", "report", "progress"),
    },
    "cli": {"errors", "version", "host", "commands"},
    "__main__": {"blas", "cli"},
}
SOURCES = sorted([*(ROOT / "colocate").rglob("*.py"), *(ROOT / "cpu_workloads").rglob("*.py")])
TESTS = sorted((ROOT / "tests").rglob("*.py"))
MODULES = {".".join(p.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): p for p in SOURCES}

# Sources without a test file of their own name, and why.
TOPOLOGY = "a network's layers: the topologies are tested together in test_topologies.py"
NOUNS = "nouns without behaviour"
PROTOCOL = "a protocol: whatever follows it has the test"
WITHOUT_OWN_TEST = {
    "colocate/__main__.py": "tested as a process in tests/test_cli.py",
    "colocate/worker/__main__.py": "tested as a process in tests/worker/test_main.py",
    "cpu_workloads/__main__.py": "tested as a process in tests/cpu_workloads/test_cli.py",
    "colocate/request/study_keys.py": "the types of keys; what they allow and mean: tests/request/test_spec.py",
    "colocate/version.py": "one number: tests/docs/test_pages.py holds every other place to it",
    "colocate/errors.py": "the exception tree: every failure's test names its exception and exit status",
    **{f"colocate/model/{name}.py": NOUNS for name in ("fleet", "purpose")},
    **{f"colocate/{name}.py": PROTOCOL for name in ("host/clocks/domain", "power/meter", "rigs/rig")},
    **{
        f"colocate/inference/networks/topologies/{name}.py": TOPOLOGY
        for name in ("alexnet", "googlenet", "resnet", "squeezenet", "vgg")
    },
}

FILE_LINES, FUNCTION_LINES, MEDIAN_LINES = 350, 60, 120


def imports(path: Path) -> set[str]:
    """Every module of ours that a file imports, wherever the statement stands."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {module for module in found if module in MODULES and MODULES[module] != path}


def room(module: str) -> str:
    return module.split(".")[1] if module.startswith("colocate.") else module.split(".")[0]


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_the_floors_themselves_have_no_circle() -> None:
    graphlib.TopologicalSorter(MAY_IMPORT).prepare()
    assert {room(module) for module in MODULES} - {"colocate", "cpu_workloads"} == set(MAY_IMPORT)


@pytest.mark.parametrize("module", [m for m in MODULES if m.startswith("colocate.")])
def test_imports_run_down(module: str) -> None:
    own = room(module)
    for other in {room(each) for each in imports(MODULES[module])} - {own}:
        # The child contract is one file for the stressors and the worker, and so is how a user's program is ended, be
        # it a task or the network; the names of stressors are in their registry.
        if other == "cpu_workloads":
            assert own in ("worker", "request", "rigs"), f"{module} imports {other}"
        else:
            assert other in MAY_IMPORT[own], f"{module} imports {other}"


def test_no_circle_of_files() -> None:
    # A package's own __init__ holds words alone, so that importing it is no arrow.
    graph = {module: imports(path) for module, path in MODULES.items()}
    graphlib.TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("path", [p for p in SOURCES if p.name == "__init__.py"], ids=relative)
def test_a_package_says_what_it_holds_and_imports_nothing_of_ours(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree)
    # `colocate.load` is the door for Python code, behind which all else is imported when it is opened.
    door = {"colocate.version", "colocate.results", "colocate.request", "colocate.request.limit_keys"}
    assert imports(path) <= (door if path == ROOT / "colocate/__init__.py" else set())


@pytest.mark.parametrize("path", sorted((ROOT / "cpu_workloads").glob("*.py")), ids=relative)
def test_the_stressors_stand_alone(path: Path) -> None:
    assert not any(module.startswith("colocate") for module in imports(path))


@pytest.mark.parametrize("room_name", ["study", "model"])
def test_nouns_and_statistics_are_pure(room_name: str) -> None:
    outside = {"os", "time", "pathlib", "subprocess", "psutil", "io", "socket", "threading"}
    for path in (ROOT / "colocate" / room_name).glob("*.py"):
        names = {
            name.split(".")[0]
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, (ast.Import, ast.ImportFrom))
            for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names])
        }
        assert not names & outside, path


def own_test(source: Path) -> Path:
    """Where the tests of a source stand: at the mirrored place, under its name."""
    inside = Path(relative(source).removeprefix("colocate/"))
    return ROOT / "tests" / inside.parent / f"test_{inside.name}"


@pytest.mark.parametrize("path", [p for p in SOURCES if p.name != "__init__.py"], ids=relative)
def test_every_source_has_a_test_file_of_its_own_name_or_a_reason(path: Path) -> None:
    test = own_test(path)
    if relative(path) in WITHOUT_OWN_TEST:
        assert not test.exists(), f"{relative(path)} needs no reason: it has {relative(test)}"
    else:
        assert test.exists(), f"{relative(path)} needs {relative(test)}, or a reason in WITHOUT_OWN_TEST"
        assert any(
            isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
            for node in ast.walk(ast.parse(test.read_text()))
        ), f"{relative(test)} tests nothing"


def test_no_reason_is_for_a_source_that_is_gone() -> None:
    assert WITHOUT_OWN_TEST.keys() <= {relative(path) for path in SOURCES}


@pytest.mark.parametrize("name", [n for n, why in WITHOUT_OWN_TEST.items() if why in (NOUNS, PROTOCOL)])
def test_what_is_said_to_have_no_behaviour_has_none(name: str) -> None:
    # A docstring is all that the functions of nouns and protocols may hold.
    for node in ast.walk(ast.parse((ROOT / name).read_text())):
        if isinstance(node, ast.FunctionDef):
            silent = all(isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant) for part in node.body)
            assert silent, f"{name}: {node.name} does something and needs a test"


def long_functions(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield f"{relative(path)}: {node.name}"


def test_files_and_functions_stay_small() -> None:
    kinds = ("*.js", "*.j2", "*.css")
    page = [path for folder in ("colocate", "tests") for kind in kinds for path in (ROOT / folder).rglob(kind)]
    lengths = {path: len(path.read_text().splitlines()) for path in (*SOURCES, *TESTS, *page)}
    assert [relative(path) for path, lines in lengths.items() if lines > FILE_LINES] == []
    assert [name for path in (*SOURCES, *TESTS) for name in long_functions(path)] == []
    assert statistics.median(lengths[path] for path in SOURCES) <= MEDIAN_LINES


def test_one_name_has_one_meaning() -> None:
    # The stressors stand alone and have names of their own.
    names = Counter(
        node.name
        for module, path in MODULES.items()
        if module.startswith("colocate.")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef)
    )
    assert [name for name, count in names.items() if count > 1] == []


# What only the report at the end of a sweep needs, and what a sweep needs from its start.
AT_THE_END = {"matplotlib", "scipy", "onnx", "onnxruntime", "PIL", "jinja2", "dask", "distributed"}
FROM_THE_START = {"numpy", "pydantic", "rich", "psutil"}
HELP = """
import contextlib
from colocate.cli import run
with contextlib.suppress(SystemExit):
    run(["sweep", "--help"])
"""


@pytest.mark.parametrize(
    ("code", "heavy"),
    [
        (HELP, AT_THE_END | FROM_THE_START),
        ("import colocate.commands.sweep, colocate.progress, colocate.rigs.host.rig, colocate.sweep", AT_THE_END),
    ],
    ids=["help", "sweep"],
)
def test_nothing_heavy_is_imported_before_it_is_used(code: str, heavy: set[str]) -> None:
    code = f"import sys\n{code}\nsys.exit(','.join({heavy} & set(sys.modules)) or 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_only_commands_print_and_only_main_files_exit() -> None:
    # The children's own main files speak to their parent by exit status and stderr.
    printing = {"colocate/commands/output.py"}
    exiting = {"colocate/__main__.py", "colocate/host/processes/launch.py", "colocate/worker/__main__.py",
               "colocate/worker/answer.py", "colocate/worker/pipeline.py", "colocate/training/rank.py"}  # fmt: skip
    for path in sorted((ROOT / "colocate").rglob("*.py")):
        names = {node.id for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Name)}
        assert "exit" not in names, path
        assert ("print" in names) <= (relative(path) in printing), path
        assert ("sys.exit(" in path.read_text()) <= (relative(path) in exiting), path


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_no_character_is_written_by_its_name(path: Path) -> None:
    # To compile such an escape Python imports a module: a signal just then is a syntax error, not an end.
    assert "\\N{" not in path.read_text()
