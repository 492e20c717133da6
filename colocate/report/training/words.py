"""Settings of a training, and the choice between them, in words."""

from __future__ import annotations

from collections.abc import Iterable

from colocate.model.cell import Interval
from colocate.model.request import Training
from colocate.report.text.labels import clocks_text, plain
from colocate.report.text.numbers import counted, minutes, ratio_text, three_digits
from colocate.report.training.load import TrainingReport
from colocate.study.training import TrainingChoice, TrainingSetting

# From here on joules are written as thousands of them.
_KILO_FROM_J = 10_000


def aim_words(report: TrainingReport) -> str:
    """What settings are chosen for: `least energy with at most 1 % less accuracy than the best, within 30 min`."""
    aim = report.aim
    limit = "" if aim.time_limit_s is None else f", within {minutes(aim.time_limit_s)}"
    accuracy = f" with at most {100 * aim.accuracy_loss:g} % less accuracy than the best" if measured(report) else ""
    return f"least energy{accuracy}{limit}"


def measured(report: TrainingReport) -> bool:
    """Whether any setting has an accuracy; on synthetic images none has."""
    return any(row.accuracies for row in report.rows)


def devices_words(training: Training) -> str:
    """What a network is trained on: `2 GPUs`, `CPUs` or `2 ranks on CPUs`."""
    if training.on_gpu:
        return counted(training.ranks, "GPU")
    return "CPUs" if training.ranks == 1 else f"{training.ranks} ranks on CPUs"


def training_parts(row: TrainingSetting) -> tuple[str, ...]:
    """The batch, devices, precision and clocks of a setting."""
    setting = row.cost.setting
    clocks = clocks_text(setting.clocks)
    return (
        f"batch {setting.inference.batch}",
        devices_words(row.training),
        plain(setting.inference.precision),
        "native clocks" if clocks == "native" else clocks,
    )


def training_words(row: TrainingSetting) -> str:
    """A setting, as in `batch 64, 2 GPUs, fp32`; native clocks are not named."""
    return ", ".join(part for part in training_parts(row) if part != "native clocks")


def accuracy_words(accuracy: Interval | None) -> str:
    """An accuracy, as in `98.3 %`; empty if none was measured."""
    return "" if accuracy is None else f"{100 * accuracy.value:.1f} %"


def energy_unit(joules: Iterable[float]) -> tuple[float, str]:
    """For energies that are shown together: the factor from J to their unit, and the unit, J or kJ."""
    return (1.0, "J") if max(joules, default=0) < _KILO_FROM_J else (1e-3, "kJ")


def epoch_unit(rows: Iterable[TrainingSetting]) -> tuple[float, str]:
    """`energy_unit` for the energies of an epoch in these settings."""
    return energy_unit(row.epoch_j.value for row in rows if row.epoch_j is not None)


def energy_words(joules: float) -> str:
    """An energy, as in `812 J` or `54.3 kJ`."""
    scale, unit = energy_unit([joules])
    return f"{three_digits(scale * joules)} {unit}"


def choice_words(choice: TrainingChoice, report: TrainingReport) -> str:
    """The choice for one network, with what it costs, or why there is none."""
    best = choice.best
    if best is None:
        return _why_none(choice, report)
    words = [training_words(best)]
    if (epoch_j := best.epoch_j) is not None:
        words.append(f"{energy_words(epoch_j.value)} per epoch")
    if (epoch_s := best.epoch_s) is not None:
        words.append(f"{three_digits(epoch_s.value)} s per epoch")
    if best.accuracy:
        words.append(f"accuracy {accuracy_words(best.accuracy)}")
    if best.epoch_j is None:
        words.append("the fastest, as no energy was metered")
    words += [
        f"{ratio_text(gain.energy_ratio.value)} times the energy of {of}"
        for of, gain in (("one GPU", best.over_one_rank), ("the smallest batch", best.over_smallest_batch))
        if gain is not None and gain.energy_ratio is not None
    ]
    return "; ".join([words[0], ", ".join(words[1:])])


def _why_none(choice: TrainingChoice, report: TrainingReport) -> str:
    own = [row for row in report.rows if row.cost.setting.inference.network == choice.network]
    if not any(row.cost.windows for row in own):
        return "no setting succeeded"
    if not choice.timely:
        return "no setting is sure to keep the time limit"
    if max(len(row.accuracies) for row in own) < 2:
        return "no choice: one seed shows nothing of accuracy; give --seeds 5"
    if not choice.accurate:
        loss = f"{100 * report.aim.accuracy_loss:g} %"
        return f"no choice: no setting is shown to be within {loss} of the best accuracy; raise --seeds"
    return "no setting is known to keep both accuracy and time limit"
