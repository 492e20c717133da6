"""Runs in the guest: a sweep in what a container is to cgroup v2: a namespace of its own, whose top has a CPU quota.

`container.py OUT` makes the group and starts itself in it; there it sweeps to `OUT/run` and prints what the doctor
says of quotas, as JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from colocate.rigs.host.examination import examine
from tests.board_vm.study import study

GROUP = Path("/sys/fs/cgroup/container")
# Of CPUs; the network and its task would take two.
QUOTA = 1.5
REQUEST = {
    "backend": "synthetic",
    "networks": ["spin-1ms"],
    "stressors": ["stringsearch"],
    "placement": ["isolated"],
    "cpu_clocks": ["high"],
    "gpu_clocks": ["high"],
    "design": "steady",
    "repeats": 4,
    "window": 0.5,
    "warmup": 0.02,
    "settle": 0.1,
}
# A container sees its own group as the root of the tree.
REMOUNTED = 'umount /sys/fs/cgroup && mount -t cgroup2 cgroup /sys/fs/cgroup && exec "$@"'


def contain(out: str) -> None:
    """Start this file in the group, as the first of a namespace."""
    (GROUP.parent / "cgroup.subtree_control").write_text("+cpu")
    GROUP.mkdir()
    (GROUP / "cgroup.procs").write_text(str(os.getpid()))
    command = [sys.executable, "-m", "tests.board_vm.container", out, "--contained"]
    subprocess.run(["unshare", "--cgroup", "--mount", "sh", "-c", REMOUNTED, "sh", *command], check=True)


def main(out: Path) -> None:
    # Not before everything is imported, which takes long enough.
    (GROUP.parent / "cpu.max").write_text(f"{round(QUOTA * 100_000)} 100000")
    study(REQUEST, out / "run")
    sys.stdout.write(json.dumps([finding.state for finding in examine() if finding.name == "CPU quota"]))


if __name__ == "__main__":
    if "--contained" in sys.argv:
        main(Path(sys.argv[1]))
    else:
        contain(sys.argv[1])
