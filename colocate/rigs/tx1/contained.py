"""How a containment limits a task in the model, and what it leaves the network.

All of this is assumed, without constants of its own. A CPU is shared by weight at every instant, as by a scheduler
whose time slices are far shorter than an inference. An idle-class task gets what the network's thread leaves. A quota
is full at the beginning of each period, and the task runs until it is used up.
"""

from __future__ import annotations

import numpy as np

from colocate.model.containment import WEIGHT_DEFAULT, Containment
from colocate.model.trial import FloatArray, Trial
from colocate.rigs.tx1.constants import Constants
from colocate.rigs.tx1.course import Course
from colocate.rigs.tx1.presence import Presence


def weight_ratio(containment: Containment | None) -> float:
    """Return the task's weight over the network's; 0 for an idle-class task, which takes only what the network
    leaves.
    """
    if containment is None:
        return 1.0
    if containment.idle:
        return 0.0
    return 1.0 if containment.weight is None else containment.weight / WEIGHT_DEFAULT


def network_share(containment: Containment | None, constants: Constants) -> float:
    """Return the share of a CPU that the launching thread gets while one process of the task wants the same CPU."""
    of_equals = constants.shared_ratio
    return of_equals / (of_equals + (1 - of_equals) * weight_ratio(containment))


def quota_period_s(trial: Trial) -> float | None:
    """Return the period of the task's quota, in s; None if it has none."""
    containment = None if trial.task is None else trial.task.containment
    return None if containment is None or containment.quota_ratio is None else containment.quota_period_s


def duty(containment: Containment | None, cpus: float) -> float:
    """Return the share of time, up to 1, in which a task that uses `cpus` CPUs may run."""
    if containment is None or containment.quota_ratio is None or cpus <= containment.quota_ratio:
        return 1.0
    return containment.quota_ratio / cpus


def throttled(presence: Presence, cpus: FloatArray, containment: Containment | None, phase: float) -> Presence:
    """Return `presence` without the time in which the task waits for its next quota.

    While it runs, the task uses `cpus` (n,) CPUs in each part of `presence`. The window begins when the share `phase`
    of a quota's period is over.
    """
    if containment is None or containment.quota_ratio is None:
        return presence
    period_s, edges_s = containment.quota_period_s, presence.edges_s
    begins_s = np.arange(-phase * period_s, edges_s[-1], period_s)
    # Before the window it ran as it does at the beginning.
    used = np.where(presence.runs, cpus, 0.0)
    course = Course(np.concatenate([[edges_s[0] - period_s], edges_s]), np.concatenate([used[:1], used]))
    spent_s = course.reached_s(course.done_by(begins_s) + containment.quota_ratio * period_s)
    spent_s = np.where(spent_s < begins_s + period_s, spent_s, np.inf)
    inside = np.concatenate([begins_s, spent_s])
    finer_s = np.unique(np.concatenate([edges_s, inside[(inside > edges_s[0]) & (inside < edges_s[-1])]]))
    middles_s = (finer_s[:-1] + finer_s[1:]) / 2
    own = np.searchsorted(begins_s, middles_s, side="right") - 1
    return Presence(finer_s, presence.at(middles_s) & (middles_s < spent_s[own]))
