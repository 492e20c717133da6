"""The board, a real kernel's cpufreq, devfreq, hwmon and cgroups with a TX1's steps, and colocate on it: a plan at
all clocks, kills at random moments, and clocks that will not obey. What shares one boot is in one file.

An emulated machine is slow. `COLOCATE_BOARD=whole python -m pytest tests/board_vm` runs the whole 81-cell plan, 200
kills, every fault, and a sweep under a container's quota; otherwise one network that spins beside one task at four
pairs of clocks, a kill of each way, and a fault of each kind. `COLOCATE_BOARD_ORDERS=500` says in how many orders
sweep and watchdog are killed, stopped or out of memory. Outside of pytest
`python -m tests.board_vm --orders 500 --seed 1 --out FOLDER` runs them, and goes on where it was interrupted.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
from pathlib import Path
from typing import Any

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
from .shared_boot import ROOT, Boot, boot
from .vm import BoardError, Completed, missing, run_in_board

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))

LOWEST = {"cpu_khz": 102000, "gpu_khz": 76800}
MIDDLE = {"cpu_khz": 921600, "gpu_khz": 537600}
HIGHEST = {"cpu_khz": 1734000, "gpu_khz": 998400}
AT_HIGHEST = {"cpu_khz": [1734000, 1734000], "gpu_khz": [998400, 998400]}

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
# In how many windows the kernel suspends, and how many of them have the warning of it at the end.
SUSPENDED = {1: 0, 2: 1}
# Where others use the host, the guest hardly runs.
TIMEOUT_S = 1800.0 + 20 * KILLS
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


def lay_plan(folder: Path) -> None:
    """What `study.py` reads, and the networks where there are any."""
    folder.mkdir()
    networks = [folder / f"{name}.onnx" for name in NETWORKS]
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
    (folder / "request.json").write_text(json.dumps(request))


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Boot:
    out = tmp_path_factory.mktemp("board")
    lay_plan(out / "plan")
    parts = {
        "plan": ["study", str(out / "plan")],
        "kills": ["kills", str(KILLS), "1"],
        "faults": ["faults", str(out / "faults"), *ENDED],
        **{f"suspended-{n}": ["suspend", str(out / f"suspended-{n}/run"), str(n)] for n in SUSPENDED if WHOLE},
        # Last: it leaves clocks and groups changed.
        "guest": ["guest"],
    }
    return boot(parts, out, TIMEOUT_S)


@pytest.fixture(scope="module")
def guest(board: Boot) -> Any:
    return board.found("guest")


def test_a_command_that_does_not_end_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BoardError, match="still running after"):
        run_in_board(["sleep", "600"], 0.5, tmp_path)


def test_a_kernel_that_stops_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BoardError, match="sysrq triggered crash"):
        run_in_board(["sh", "-c", "echo c >/proc/sysrq-trigger"], TIMEOUT_S, tmp_path)


def test_a_command_ends_as_it_does_anywhere(board: Boot) -> None:
    assert isinstance(board.ended, Completed), board.ended
    assert (board.ended.exit_code, board.ended.stdout, board.ended.stderr) == (7, "", "aside\n"), board.ended
    assert (board.out / "kept").read_text() == "kept\n"


def test_knobs_have_the_steps_of_a_tx1(guest: Any) -> None:
    knobs = guest["knobs"]
    assert len(knobs["cpu_steps_khz"]) == 17
    assert {102000, 921600, 1734000} <= set(knobs["cpu_steps_khz"])
    assert knobs["gpu_steps_hz"] == [76_800_000 * step for step in range(1, 14)]
    assert knobs["policy_cpus"] == [0, 1, 2, 3]
    assert knobs["gpus_by_of_node"] == ["57000000.gpu"]
    assert {"performance", "powersave", "userspace", "ondemand", "schedutil"} <= set(knobs["governors"])


def test_equal_limits_set_both_clocks(guest: Any) -> None:
    assert [point["seen"] for point in guest["pinned"]] == [LOWEST, MIDDLE, HIGHEST]
    for point in guest["pinned"]:
        assert point["limits"] == {name: [khz, khz] for name, khz in point["wanted"].items()}


def test_power_rises_with_the_clocks_and_the_total_holds_the_parts(guest: Any) -> None:
    by_point = [point["watts"] for point in guest["pinned"]]
    for low, high in itertools.pairwise(by_point):
        assert all(low[rail] < high[rail] for rail in ("VDD_IN", "VDD_GPU", "VDD_CPU"))
    for watts in by_point:
        assert watts["VDD_IN"] > watts["VDD_GPU"] + watts["VDD_CPU"]


def test_limits_in_the_wrong_order_are_clamped_and_remembered(guest: Any) -> None:
    order = guest["write_order"]
    assert set(order["errors"]) == {""}
    assert order["min_above_max"] == {name: [khz, khz] for name, khz in MIDDLE.items()}
    # The minimum that was clamped comes back when the maximum rises.
    assert order["max_raised_later"] == AT_HIGHEST
    # cpufreq clamps a maximum into its table, devfreq only rounds it up to a whole kHz.
    assert order["max_of_5"] == {"cpu_khz": [102000, 102000], "gpu_khz": [1, 1]}
    assert order["words"] == ["EINVAL", "EINVAL", "EINVAL"]


def test_a_refused_change_leaves_the_clock_but_not_the_limits(guest: Any) -> None:
    refused = guest["refused"]
    assert refused["before"] == refused["seen"] == LOWEST
    assert refused["limits"] == AT_HIGHEST
    assert refused["after_lifting"] == HIGHEST


def test_a_clamped_change_takes_effect_at_a_lower_step(guest: Any) -> None:
    assert guest["clamped"] == {"seen": MIDDLE, "limits": AT_HIGHEST}


def test_a_delayed_change_appears_not_before_its_time(guest: Any) -> None:
    delayed = guest["delayed"]
    assert delayed["seconds"].keys() == {"cpu_khz", "gpu_khz"}
    assert min(delayed["seconds"].values()) >= delayed["delay_s"]


def test_a_throttle_drops_clocks_and_watts_and_keeps_the_limits(guest: Any) -> None:
    throttled = guest["throttled"]
    assert throttled["seconds"].keys() == {"cpu_khz", "gpu_khz"}
    assert min(throttled["seconds"].values()) >= throttled["after_s"]
    assert throttled["limits"] == AT_HIGHEST
    hot, slow = throttled["watts"]
    assert all(slow[rail] < hot[rail] for rail in hot)
    assert throttled["after_lifting"] == HIGHEST


def test_temperatures_are_as_told(guest: Any) -> None:
    assert guest["temperatures_mc"] == {"CPU-therm": 61000, "GPU-therm": 89500}


def test_cpusets_of_cgroup_v2_take_effect(guest: Any) -> None:
    assert guest["confined"] == {"before": [0, 1, 2, 3], "after": [2], "killed": -9, "ran_on": 2}


def test_containments_of_cgroup_v2_are_what_was_asked_for(guest: Any) -> None:
    contained = guest["contained"]
    whole = {"cpu.idle": "0", "cpu.weight": "200", "cpu.max": "max 100000", "cpuset.cpus.effective": "1-2"}
    assert contained["shown"] == {
        # An idle group shows the weight 0.
        "idle": {**whole, "cpu.idle": "1", "cpu.weight": "0"},
        "weight=10": {**whole, "cpu.weight": "20"},
        "quota=20%/10+cpus=1": {
            **whole,
            "cpu.weight": "100",
            "cpu.max": "2000 10000",
            "cpuset.cpus.effective": "1",
        },
        "none": whole,
    }
    assert (contained["before"], contained["during"], contained["after"]) == ("", ["cpu", "cpuset"], "")
    assert contained["missing"] == []


def test_controllers_that_a_killed_process_switched_on_are_switched_off(guest: Any) -> None:
    killed, older = guest["left_behind"]
    assert killed == {
        "before": "", "killed": ["cpu", "cpuset"], "groups": ["delegated_cpu", "delegated_cpuset", "task"],
        "after": "", "left": [],
    }  # fmt: skip
    assert older == {"before": "", "killed": ["cpuset"], "groups": ["delegated"], "after": "", "left": []}


def test_a_controller_stays_on_for_the_other_of_two_sweeps(guest: Any) -> None:
    assert guest["shared_controller"] == {"one_ended": "cpuset", "cpus": "2", "after": "", "left": []}


def test_nothing_written_reaches_the_host(guest: Any) -> None:
    assert guest["scratch"]
    assert not any(Path(path).exists() for path in guest["scratch"])


def test_a_plan_runs_at_the_clocks_that_were_asked_for(board: Boot) -> None:
    board.found("plan")
    with Run.read(board.out / "plan" / "run") as run:
        facts, records = run.header().facts, list(run.records())
        assert list(run.failures()) == []
    assert facts.confinement == "cgroup-v2"
    assert facts.rails == ("VDD_IN", "VDD_GPU", "VDD_CPU")
    cells = {(r.trial.inference, r.trial.task, r.trial.clocks) for r in records if r.trial.inference}
    assert len(cells) == max(1, len(NETWORKS)) * (1 + len(TASKS)) * len(POINTS_HZ)
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


def test_no_kill_leaves_a_knob_changed_or_a_process_paused(board: Boot) -> None:
    found = board.found("kills")
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
@pytest.mark.parametrize(("times", "warned"), SUSPENDED.items())
def test_a_window_in_which_the_kernel_suspends_is_measured_again(times: int, warned: int, board: Boot) -> None:
    held_up = board.found(f"suspended-{times}")
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


def test_clocks_that_do_not_obey_are_told_and_put_back(board: Boot) -> None:
    found = board.found("faults")
    assert {fault: each["code"] for fault, each in found.items()} == ENDED, found
    for fault, each in found.items():
        if each["code"]:
            assert "wanted" in each["said"] and "found" in each["said"], (fault, each)
        assert ("clock drifted" in each["warnings"]) == (fault == THROTTLED), (fault, each)
        assert each["left"] == {}, (fault, each)
