from __future__ import annotations

import subprocess
import sys

import pytest

from colocate.errors import SpecError
from colocate.model.device import Workers
from colocate.model.request import WAITS, Inference, SweepSpec
from colocate.rigs.host.rig import HostRig
from colocate.rigs.registry import MODELS, RIGS, default_wait, make_rig
from colocate.rigs.tx1.rig import Tx1Rig
from colocate.study.plan import plan


def test_every_name_makes_its_rig() -> None:
    assert {name: type(make_rig(name)) for name in RIGS} == {"host": HostRig, "tx1-model": Tx1Rig}


def test_nothing_of_a_rig_is_imported_before_it_is_wanted() -> None:
    code = """
import sys
from colocate.rigs import registry
names = {target.partition(":")[0] for target in registry.RIGS.values()}
sys.exit(",".join(names & set(sys.modules)) or 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_model_takes_constants_and_a_machine_has_none() -> None:
    assert make_rig("tx1-model", {"contention": 2.0}).facts() != make_rig("tx1-model").facts()
    assert make_rig("tx1-model", {}).facts() == make_rig("tx1-model").facts()
    with pytest.raises(SpecError, match=r"rig 'host' has no constants to set; .*--rig tx1-model"):
        make_rig("host", {"contention": 2.0})
    assert set(MODELS) < set(RIGS)


def test_each_rig_waits_for_the_gpu_in_a_way_of_its_own() -> None:
    assert (default_wait("host"), default_wait("tx1-model")) == ("spin", "block")
    assert {default_wait(name) for name in RIGS} <= set(WAITS)


def test_windows_of_the_profiled_network_alone_have_a_profile() -> None:
    networks = (Inference("alexnet", wait="block"), Inference("googlenet", wait="block"))
    rig = make_rig("tx1-model", profiled="alexnet")
    for trial in plan(SweepSpec(networks, (), rig="tx1-model", repeats=1, cpu_clocks=("high",)), rig.facts()):
        wanted = trial.inference is not None and trial.inference.network == "alexnet"
        assert bool(rig.run(trial).profile) == wanted


@pytest.mark.parametrize("workers", [Workers(python="/usr/bin/python3"), Workers(device="cuda:1")])
def test_a_model_has_no_workers(workers: Workers) -> None:
    with pytest.raises(SpecError, match=r"^rig 'tx1-model' is a model .*: leave out worker_python and device$"):
        make_rig("tx1-model", workers=workers)
