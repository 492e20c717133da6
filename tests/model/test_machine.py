from __future__ import annotations

import dataclasses

from colocate.model.machine import HostFacts, Missing
from tests.study.test_plan import facts


def test_what_makes_another_machine_and_what_only_explains_one() -> None:
    here = facts()
    absent = Missing("not there", "install it")
    same: list[HostFacts] = [
        dataclasses.replace(here, memory_bytes=2**30),
        dataclasses.replace(here, clocks_missing={"cpu": absent}, backends_missing={"tensorrt": absent}),
        dataclasses.replace(here, cpusets_missing=absent, containment_missing={"idle": absent}),
    ]
    assert all(each == here for each in same)
    assert dataclasses.replace(here, kernel="another") != here
    assert dataclasses.replace(here, cpu_steps_hz=(1,)) != here


def test_cpus_are_counted() -> None:
    assert dataclasses.replace(facts(), cpus=(0,), cpu_model="Acme").cpu_words == "1 CPU, Acme"
    assert dataclasses.replace(facts(), cpus=(0, 3), cpu_model="Acme").cpu_words == "2 CPUs, Acme"


def test_what_is_missing_is_one_line_with_its_fix_where_one_is_known() -> None:
    assert Missing("no meter", "plug one in").words == "no meter; plug one in"
    assert Missing("no meter").words == "no meter"
