"""A trial run of every task, and of every network of the user's own, before the first window."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence

from colocate.errors import HostError, SpecError, TrialError
from colocate.inference.networks import catalogue
from colocate.model.trial import Trial
from colocate.rigs.host.children import Children, members
from colocate.rigs.host.records import work
from colocate.rigs.host.window import ANSWER_TIMEOUT_S

# How long a user's program is tried before the sweep: one that cannot run fails well inside it.
REHEARSAL_S = 0.5


def rehearse(children: Children, trials: Sequence[Trial]) -> None:
    """Start every task, and load every network of the user's own, once, so that what cannot run at all fails before
    the first window.

    A network is tried at its smallest batch: that a larger one finds no memory is a result. Raises SpecError if a
    program or network of the user's own fails, and HostError if a built-in task does.
    """
    wanted = {(member, trial.placement): trial for trial in trials for member in members(trial)}
    for (task, _), trial in wanted.items():
        alone = dataclasses.replace(trial, task=task)
        own_network = task.inference is not None and task.inference.network not in catalogue.builtin_names()
        try:
            started = children.tasks(alone)
            if task.argv:
                children.start(alone)
                for child in started:
                    child.go()
                time.sleep(REHEARSAL_S)
                work(task, [child.stop(ANSWER_TIMEOUT_S) for child in started])
                children.rest(alone)
        except TrialError as error:
            raise (SpecError if task.argv or own_network else HostError)(str(error)) from error
    users_own = [
        (trial.inference, trial)
        for trial in trials
        if trial.inference is not None and trial.inference.network not in catalogue.builtin_names()
        # One that is trained was tried by `trained.check_trainings`, and is ready when it is trained.
        if trial.inference.training is None
    ]
    users_own.sort(key=lambda pair: -pair[0].batch)
    for trial in {(inference.network, inference.backend): trial for inference, trial in users_own}.values():
        try:
            children.worker(trial)
        except TrialError as error:
            raise SpecError(str(error)) from error
