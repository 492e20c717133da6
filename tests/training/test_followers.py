"""The other ranks' processes: they do as told, end with rank 0, and are blamed when they end before."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.training.requests import request

ROOT = Path(__file__).parents[2]
# Rank 0 with a program in place of the other ranks: it starts them, says two words, and waits or fails.
_RANK_0 = """
import sys, time
from colocate.training import followers
from colocate.worker import start
start.__file__ = sys.argv[1]
from colocate.worker.request import from_json
them = followers.Followers(from_json(sys.argv[2]), 1234)
them.tell("step")
them.tell("exchange_s")
{then}
"""
_ECHO = """
import os, sys
rank, port = sys.argv[-2:]
with open(sys.argv[0] + rank, "w") as log:
    log.write(f"{os.getpid()} {port} ")
    for line in sys.stdin:
        log.write(line.strip() + " ")
        log.flush()
"""


def rank_0(tmp_path: Path, then: str, other: str = _ECHO, ranks: int = 3) -> subprocess.CompletedProcess[str]:
    program = tmp_path / "other.py"
    program.write_text(other)
    return subprocess.run(
        [sys.executable, "-c", _RANK_0.format(then=then), str(program), request(ranks=ranks).to_json()],
        capture_output=True, text=True, timeout=120, cwd=ROOT, check=False,
    )  # fmt: skip


def test_every_rank_hears_every_word_and_ends_with_rank_0(tmp_path: Path) -> None:
    # The program writes its log when it has read the end of its input: wait for that.
    done = rank_0(tmp_path, "[each.stdin.close() or each.wait() for each in them._processes]; import os; os._exit(0)")
    assert done.returncode == 0, done.stderr
    for rank in (1, 2):
        pid, port, *words = (tmp_path / f"other.py{rank}").read_text().split()
        assert (port, words) == ("1234", ["step", "exchange_s"])
        assert not Path("/proc", pid).exists()


def test_a_rank_that_dies_ends_the_training_with_its_reason(tmp_path: Path) -> None:
    dies = "import sys; sys.exit('no memory' if sys.argv[-2] == '2' else sys.stdin.read())"
    done = rank_0(tmp_path, "time.sleep(100)", dies)
    assert done.returncode == 1
    assert done.stderr == "rank 2 ended (exit status 1): no memory\n"
    # What rank 0 sees of it is not the cause.
    done = rank_0(tmp_path, "them.fail('connection closed by peer')", dies)
    assert done.stderr == "rank 2 ended (exit status 1): no memory\n"


def test_a_failure_of_its_own_ends_rank_0_whatever_its_threads_wait_for(tmp_path: Path) -> None:
    then = "followers.BLAME_S = 0.1; them.fail('out of memory'); time.sleep(100)"
    done = rank_0(tmp_path, then)
    assert (done.returncode, done.stderr) == (1, "out of memory\n")
    # Alone it has nobody to wait for, and goes on to raise.
    assert rank_0(tmp_path, "them.fail('x'); print('goes on')", ranks=1).stdout == "goes on\n"
