"""Settings and choices under the column names of training.csv and of `--json`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from colocate.report.text.tables import Value, interval_columns
from colocate.report.training.load import TrainingReport
from colocate.study.training import Gain, TrainingChoice, TrainingSetting


def training_row(row: TrainingSetting, report: TrainingReport) -> Mapping[str, Value]:
    """The row of one setting in training.csv; an unknown value is None."""
    cost, training = row.cost, row.training
    inference, clocks = cost.setting.inference, cost.setting.clocks
    return {
        "network": inference.network,
        "precision": inference.precision,
        "batch": inference.batch,
        "gpus": training.ranks if training.on_gpu else 0,
        "ranks": training.ranks,
        "data": training.data,
        "epochs": training.epochs,
        "learning_rate": training.learning_rate,
        "cpu_hz": clocks.cpu_hz,
        "gpu_hz": clocks.gpu_hz,
        "emc_hz": clocks.emc_hz,
        "steps": cost.n,
        "seeds": len(cost.windows),
        **interval_columns("images_per_s", cost.images_per_s),
        **interval_columns("step_p50_s", cost.p50_s),
        **interval_columns("step_p99_s", cost.p99_s),
        **interval_columns("power_w", cost.power_w),
        **interval_columns("energy_per_image_j", cost.energy_per_image_j),
        "train_images": row.train_images,
        **interval_columns("epoch_s", row.epoch_s),
        **interval_columns("epoch_j", row.epoch_j),
        "flop_per_image": row.flop_per_image,
        **interval_columns("flop_per_j", row.flop_per_j),
        "all_reduce_s": row.all_reduce_s,
        "all_reduce_ratio": row.all_reduce_ratio,
        **interval_columns("accuracy", row.accuracy),
        **_gain("one_rank", row.over_one_rank),
        **_gain("smallest_batch", row.over_smallest_batch),
        "on_front": int(report.is_on_front(row)),
        "chosen": int(report.is_chosen(row)),
        "failure": cost.failure,
        "warnings": ";".join(warning.value for warning in cost.warnings),
    }


def choice_row(choice: TrainingChoice) -> Mapping[str, Any]:
    """One choice for `--json`, with how many settings keep the accuracy and the time limit."""
    best = choice.best
    inference = None if best is None else best.cost.setting.inference
    return {
        "network": choice.network,
        "best": None if best is None or inference is None else {
            "precision": inference.precision, "batch": inference.batch, "ranks": best.training.ranks,
        },
        "accurate": len(choice.accurate),
        "timely": len(choice.timely),
    }  # fmt: skip


def _gain(over: str, gain: Gain | None) -> Mapping[str, Value]:
    return {
        **interval_columns(f"speed_up_over_{over}", None if gain is None else gain.speed_up),
        **interval_columns(f"energy_ratio_over_{over}", None if gain is None else gain.energy_ratio),
    }
