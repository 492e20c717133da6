"""colocate on the board: a plan at all clocks, kills at random moments, and clocks that will not obey.

An emulated machine is slow. `COLOCATE_BOARD=whole python -m pytest tests/board_vm` runs the whole 81-cell plan, 200
kills, every fault, and a sweep under a container's quota; otherwise one network that spins beside one task at four
pairs of clocks, a kill of each way, and a fault of each kind. `COLOCATE_BOARD_ORDERS=500` says in how many orders
sweep and watchdog are killed, stopped or out of memory. Outside of pytest
`python -m tests.board_vm --orders 500 --seed 1 --out FOLDER` runs them, and goes on where it was interrupted.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from colocate.model.cause import Cause
from colocate.model.quality import QualityFlag
from colocate.report.run_report import load
from colocate.store.run_file import Run

from .__main__ import is_defect, run_orders, summary
from .faults import THROTTLED
from .kills import WAYS
from .orders import KINDS
from .vm import missing, run_in_board

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))

ROOT = Path(__file__).resolve().parents[2]
WHOLE = os.environ.get("COLOCATE_BOARD") == "whole"
KILLS = 200 if WHOLE else len(WAYS)
ORDERS = int(os.environ.get("COLOCATE_BOARD_ORDERS", len(KINDS) if WHOLE else 0))
# In the guest ONNX Runtime alone takes half a minute to import.
NETWORKS = ("first", "second", "third") if WHOLE else ()
TASKS = ("bitcount", "jpeg-small", "stringsearch") if WHOLE else ("stringsearch",)
# Of each the exit code.
ENDED = dict.fromkeys(("cpu refused", "gpu clamped", "cpu too late"), 5) | {"cpu late": 0, THROTTLED: 0}
if WHOLE:
    ENDED |= {"none": 0, "cpu clamped": 5, "gpu refused": 5}
# Where others use the host, the guest hardly runs.
TIMEOUT_S = 1800.0
LEVELS = ("low", "mid", "high") if WHOLE else ("low", "high")
CPU_HZ = {"low": 102_000_000, "mid": 921_600_000, "high": 1_734_000_000}
GPU_HZ = {"low": 76_800_000, "mid": 537_600_000, "high": 998_400_000}
POINTS_HZ = {(CPU_HZ[c], GPU_HZ[g]) for c in LEVELS for g in LEVELS}


def tiny_network(path: Path) -> None:
    weights = np.random.default_rng(0).standard_normal((64, 64), dtype=np.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 64])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 64])],
        [helper.make_tensor("w", TensorProto.FLOAT, weights.shape, weights.tobytes(), raw=True)],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)


def test_a_plan_runs_at_the_clocks_that_were_asked_for(tmp_path: Path) -> None:
    networks = [tmp_path / f"{name}.onnx" for name in NETWORKS]
    for path in networks:
        tiny_network(path)
    named = {"networks": list(map(str, networks))} if WHOLE else {"networks": ["spin-1ms"], "backend": "synthetic"}
    request = {
        **named,
        "stressors": TASKS,
        "cpu_clocks": LEVELS,
        "gpu_clocks": LEVELS,
        "design": "steady",
        "repeats": 1,
        "window": 0.15,
        "warmup": 0.02,
        "settle": 0.1,
    }
    (tmp_path / "request.json").write_text(json.dumps(request))
    command = [sys.executable, "-m", "tests.board_vm.study", str(tmp_path)]
    done = run_in_board(command, TIMEOUT_S, tmp_path, cwd=ROOT)
    assert done.exit_code == 0, done.stderr[-2000:]
    with Run.read(tmp_path / "run") as run:
        facts, records = run.header().facts, list(run.records())
        assert list(run.failures()) == []
    assert facts.confinement == "cgroup-v2"
    assert facts.rails == ("VDD_IN", "VDD_GPU", "VDD_CPU")
    cells = {(r.trial.inference, r.trial.task, r.trial.clocks) for r in records if r.trial.inference}
    assert len(cells) == len(named["networks"]) * (1 + len(TASKS)) * len(POINTS_HZ)
    assert {(r.trial.clocks.cpu_hz, r.trial.clocks.gpu_hz) for r in records} == POINTS_HZ
    for record in records:
        assert (record.cpu_hz_seen, record.gpu_hz_seen) == (record.trial.clocks.cpu_hz, record.trial.clocks.gpu_hz)
        assert QualityFlag.CLOCK_DRIFTED not in record.warnings
        assert record.power is not None
    # The board's watts follow its clocks, and so must the run's.
    mean_w = {
        point: np.mean(
            [
                r.power.power_w[:, 0].mean()
                for r in records
                if r.power and (r.trial.clocks.cpu_hz, r.trial.clocks.gpu_hz) == point
            ]
        )
        for point in POINTS_HZ
    }
    rising_w = [mean_w[(CPU_HZ[level], GPU_HZ[level])] for level in LEVELS]
    assert rising_w == sorted(rising_w)


def test_no_kill_leaves_a_knob_changed_or_a_process_paused(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.board_vm.kills", str(KILLS), "1"]
    done = run_in_board(command, TIMEOUT_S + 20 * KILLS, tmp_path, cwd=ROOT)
    assert done.exit_code == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    print(
        f"\n{KILLS} kills, knobs changed at {found['changed_when_killed']}, paused at {found['paused_when_killed']}, "
        f"residues {len(found['residues'])}, "
        f"back after {found['slowest_s']:.2f} s at the most"
    )
    assert found["residues"] == []
    assert found["changed_when_killed"] > KILLS / 3, found["log"]
    assert found["tracebacks"] == 0, found["log"]
    for way, code in (("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129), ("SIGKILL", -9)):
        # Before the command line takes over a signal ends the process itself.
        assert set(found["codes"][way]) <= {code, 128 - code}, (found["codes"], found["log"])
    assert set(found["codes"]["SIGKILL both, then restore"]) <= {0}, found["log"]


@pytest.mark.skipif(ORDERS == 0, reason="an order takes a minute on an emulated machine: COLOCATE_BOARD_ORDERS=N")
def test_no_order_of_kills_stops_and_lack_of_memory_leaves_a_knob_changed(tmp_path: Path) -> None:
    outcomes = run_orders(tmp_path, 1, range(ORDERS))
    print(f"\n{summary(outcomes, seed=1)}")
    assert [each["number"] for each in outcomes] == [*range(ORDERS)]
    assert [each for each in outcomes if is_defect(each)] == []


@pytest.mark.skipif(not WHOLE, reason="tests/test_held_up.py stops a window without a board: COLOCATE_BOARD=whole")
@pytest.mark.parametrize(("times", "warned"), [(1, 0), (2, 1)])
def test_a_window_in_which_the_kernel_suspends_is_measured_again(times: int, warned: int, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.board_vm.suspend", str(tmp_path / "run"), str(times)]
    done = run_in_board(command, TIMEOUT_S, tmp_path, cwd=ROOT)
    assert done.exit_code == 0, done.stderr[-2000:]
    held_up = json.loads(done.stdout)
    # A busy machine may hold up another window by itself.
    assert held_up[0] is bool(warned) or sum(held_up) > warned, held_up


@pytest.mark.skipif(not WHOLE, reason="an emulated machine is slow under a quota: COLOCATE_BOARD=whole")
def test_a_quota_around_colocate_is_the_cause_of_what_it_costs(tmp_path: Path) -> None:
    """Network and task have a CPU of their own each; the quota of their container allows 1.5 together."""
    command = [sys.executable, "-m", "tests.board_vm.container", str(tmp_path)]
    done = run_in_board(command, TIMEOUT_S, tmp_path, cwd=ROOT)
    assert done.exit_code == 0, done.stderr[-2000:]
    (said,) = json.loads(done.stdout)
    assert said == "1.5 CPUs of time on /sys/fs/cgroup"
    (cell,) = [cell for cell in load(tmp_path / "run").cells if cell.task != "none"]
    assert cell.extra_time is not None, cell
    cause, stopped_s = cell.extra_time.largest
    print(f"\n{stopped_s:.2e} of {cell.extra_time.extra_s:.2e} s more an inference: {cause.value}")
    assert cause is Cause.QUOTA, cell.extra_time


def test_clocks_that_do_not_obey_are_told_and_put_back(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.board_vm.faults", str(tmp_path), *ENDED]
    done = run_in_board(command, TIMEOUT_S, tmp_path, cwd=ROOT)
    assert done.exit_code == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert {fault: each["code"] for fault, each in found.items()} == ENDED, found
    for fault, each in found.items():
        if each["code"]:
            assert "wanted" in each["said"] and "found" in each["said"], (fault, each)
        assert ("clock drifted" in each["warnings"]) == (fault == THROTTLED), (fault, each)
        assert each["left"] == {}, (fault, each)
