"""A run as the first edition stored it, in schema 1: its JSON, by hand."""

from __future__ import annotations

import json
import sqlite3
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from colocate.store.database import FILE_NAME
from colocate.store.tables import APPLICATION_ID

Json = dict[str, Any]
SCHEMA = f"""
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = 1;
CREATE TABLE header (json TEXT NOT NULL);
CREATE TABLE trial (
    trial_id TEXT PRIMARY KEY, trial TEXT NOT NULL, failure TEXT, scalars TEXT, rails TEXT, begins_ns BLOB,
    latencies_ns BLOB, device_ns BLOB, power_t_ns BLOB, power_w BLOB
);
"""
INFERENCE = {
    "network": "alexnet", "backend": "onnxruntime-cpu", "precision": "fp32", "batch": 1, "graph": False,
    "wait": "spin", "period_s": None,
}  # fmt: skip
HEADER: Json = {
    "request": {"networks": ["alexnet"], "stressors": ["jpeg"]},
    "spec": {
        "inferences": [INFERENCE],
        "stressors": [{"name": "jpeg", "argv": []}, {"name": "mine", "argv": ["sh", "-c", "exit 0"]}],
        "rig": "host", "cpu_clocks": ["low", 921600000], "gpu_clocks": None, "emc_clock": None,
        "placements": ["isolated"], "inference_cpus": None, "repeats": 2, "warmup_s": 0.3, "settle_s": 0.2,
        "window_s": 2.0, "max_start_temp_c": None, "seed": 7, "model": [["contention", 2.0]],
        "limits": {
            "slo_s": 0.033, "max_slowdown": None, "quantile": 0.95, "power_budget_w": None, "max_work_loss": None,
            "confidence": 0.95,
        },
        "until_decided": False, "budget_s": None,
    },
    "facts": {
        "rig": "host", "machine_id": "0123456789ab", "architecture": "aarch64", "cpu_model": "board",
        "cpus": [0, 1, 2, 3], "last_level_cache_bytes": None, "kernel": "4.9", "confinement": "affinity",
        "virtual_time": False, "memory_bytes": 4096, "confinement_note": "no cgroup tree has cpusets",
        "cpu_steps_hz": [102000000, 921600000], "gpu_steps_hz": [], "emc_steps_hz": [], "gpu_on_request": False,
        "clock_notes": ["gpu: this machine shows no such clock", "emc: /sys/kernel: run as root, or: leave it"],
        "rails": ["VDD_IN"], "backends": ["onnxruntime-cpu"], "probes": ["synthetic"],
        "backend_notes": ["tensorrt: the package tensorrt is not installed"], "gpus": [],
        "versions": {"python": "3.11.7"},
    },
    "networks": {"alexnet": {"macs": 724406816}},
    "provenance": {},
    "planned": 4,
    "purpose": {},
}  # fmt: skip
TRIAL: Json = {
    "trial_id": "50f60d875a539b5a", "round": 1, "block": 3, "inference": INFERENCE,
    "stressor": {"name": "mine", "argv": ["sh", "-c", "exit 0"]},
    "clocks": {"cpu_hz": 102000000, "gpu_hz": None, "emc_hz": None},
    "placement": {
        "name": "shared", "inference_cpus": [0], "stressor_cpus": [0, 1, 2], "housekeeping_cpus": [3],
    },
    "warmup_s": 0.3, "settle_s": 0.2, "window_s": 2.0, "max_start_temp_c": 60.0,
}  # fmt: skip
SCALARS: Json = {
    "started_unix_s": 1.5, "elapsed_s": 2.0,
    "work": {"unit": "frames", "count": 10.0, "elapsed_s": 2.0, "cpu_s": 1.9},
    "cpu_hz_seen": 102000000, "gpu_hz_seen": None, "emc_hz_seen": None, "temperature_c": 41.5,
    "doubts": ["cpu time stolen", "throttled"], "gpu_temperature_c": None, "throttle_reasons": ["power cap"],
    "runtime": {"provider": "CPUExecutionProvider", "graph": False, "threads": 4},
    "profile": [{"name": "conv1", "kind": "Conv", "time_s": 0.001, "energy_j": None}],
}  # fmt: skip
EFFICIENCY: Json = {
    "command": "efficiency",
    "axes": {"networks": ["alexnet"], "batches": [1, 8], "precisions": ["fp32"], "backends": ["onnxruntime-cpu"]},
    "aim": {"latency_limit_s": 0.01, "quantile": "p99_s", "utility": "within"},
    "default_backend": "onnxruntime-cpu",
}
BLOCK: Json = {
    "name": "conv1+relu1", "kind": "Conv+Relu", "layers": ["conv1", "relu1"], "flop": 210830400,
    "moved_bytes": 1919724, "time_s": None, "energy_j": None, "step": "conv1", "power_w": None,
}  # fmt: skip
LAYERS: Json = {
    "command": "layers",
    "inference": INFERENCE,
    "anatomy": {
        "blocks": [BLOCK, {**BLOCK, "name": "fc8", "time_s": {"value": 0.5, "lo": None, "hi": 0.75}}],
        "timed": True,
        "metered": False,
        "ceilings": {"flop_per_s": 5e11, "bytes_per_s": 1.5e10},
    },
    "pieces": {"/cache/pieces/alexnet-000.onnx": 0, "/cache/pieces/alexnet-001.onnx": 1},
    "ceilings": {
        "/cache/pieces/flop.onnx": {
            "quantity": "flop", "amount": 2147483648, "size": 1024, "backend": "onnxruntime-cpu", "precision": "fp32",
        },
        "bandwidth": {
            "quantity": "bytes", "amount": 536870912, "size": 0, "backend": "bandwidth", "precision": "fp32",
        },
    },
}  # fmt: skip


def packed(*nanoseconds: int) -> bytes:
    return zlib.compress(np.array(nanoseconds, dtype="<i8").tobytes())


def stored(folder: Path, header: object = HEADER, trial: object = TRIAL, scalars: object = SCALARS) -> Path:
    """A run of one record and one failure, of the same trial but for its id."""
    folder.mkdir(exist_ok=True)
    connection = sqlite3.connect(folder / FILE_NAME)
    connection.executescript(SCHEMA)
    connection.execute("INSERT INTO header VALUES (?)", [json.dumps(header)])
    rails = json.dumps({"rails": ["VDD_IN"], "sensor_period_s": 0.01})
    power_w = zlib.compress(np.array([[5.0], [6.0]]).tobytes())
    arrays = (packed(0, 500), packed(400, 450), None, packed(0, 1000), power_w)
    connection.execute(
        "INSERT INTO trial VALUES (?, ?, NULL, ?, ?, ?, ?, ?, ?, ?)",
        (TRIAL["trial_id"], json.dumps(trial), json.dumps(scalars), rails, *arrays),
    )
    other = {**trial, "trial_id": "2"} if isinstance(trial, dict) else trial
    connection.execute(
        "INSERT INTO trial (trial_id, trial, failure) VALUES ('2', ?, 'it failed')", [json.dumps(other)]
    )
    connection.commit()
    connection.close()
    return folder
