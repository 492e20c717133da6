"""The shape of the house: imports run one way, and asking for help is cheap."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# A room may import from rooms of a lower floor, and from itself. `spec` stands above `rigs` because it knows
# the names in every registry; `report` knows the store and no rig.
FLOOR = {
    "errors": 0,
    "study": 1,
    "host": 2,
    "power": 2,
    "inference": 2,
    "rigs": 3,
    "spec": 4,
    "store": 4,
    "doctor": 4,
    "sweep": 5,
    "efficiency": 5,
    "layers": 5,
    "report": 5,
    "progress": 6,
    "arguments": 6,
    "cli": 7,
    "__main__": 8,
}
MAY_NOT = {("report", "rigs"), ("report", "host"), ("report", "inference")}


def imports(path: Path) -> set[str]:
    """Every module that a file imports, wherever the statement stands."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def room(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == "colocate" and len(parts) > 1 and parts[1] in FLOOR else None


SOURCES = sorted((ROOT / "colocate").rglob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_run_down(path: Path) -> None:
    relative = path.relative_to(ROOT / "colocate")
    if relative.name == "__init__.py" and len(relative.parts) == 1:
        assert not any(name.startswith("colocate.") for name in imports(path))
        return
    own = relative.parts[0].removesuffix(".py")
    for other in filter(None, map(room, imports(path))):
        assert other == own or FLOOR[other] < FLOOR[own], f"{relative} imports {other}"
        assert (own, other) not in MAY_NOT, f"{relative} imports {other}"


@pytest.mark.parametrize("path", sorted((ROOT / "cpu_workloads").glob("*.py")), ids=lambda path: path.name)
def test_the_stressors_stand_alone(path: Path) -> None:
    assert not any(name.split(".")[0] == "colocate" for name in imports(path))


@pytest.mark.parametrize("path", sorted((ROOT / "colocate" / "study").glob("*.py")), ids=lambda path: path.name)
def test_the_study_is_pure(path: Path) -> None:
    outside = {"os", "time", "pathlib", "subprocess", "psutil", "io"}
    assert not {name.split(".")[0] for name in imports(path)} & outside


def test_help_imports_nothing_heavy() -> None:
    code = """
import sys
from colocate.cli import run
try:
    run(["sweep", "--help"])
except SystemExit:
    pass
heavy = {"numpy", "matplotlib", "scipy", "pydantic", "rich", "psutil", "onnx", "onnxruntime", "PIL", "jinja2"}
sys.exit(",".join(heavy & set(sys.modules)) or 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_only_the_command_line_prints_or_exits() -> None:
    # The children's own main files speak to their parent by exit status and stderr.
    mains = {"cli.py", "__main__.py", "launch.py", "worker.py", "probe.py", "profile.py"}
    for path in SOURCES:
        if path.name not in mains:
            names = {node.id for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Name)}
            assert not names & {"print", "exit"}, path
            assert "sys.exit(" not in path.read_text(), path
