"""Run folders with settings and metrics, written without training."""

from __future__ import annotations

import json
from pathlib import Path

from fakd_core.runs.config import TrainConfig, to_toml


def make_run(root: Path, name: str, done: int = 4, steps: int = 4, psnr: float = 28.5) -> Path:
    run = root / name
    run.mkdir(parents=True)
    config = TrainConfig(student="rcan-quick", teacher="edsr-big", train_data=root, run=run, steps=steps)
    (run / "config.toml").write_text(to_toml(config))
    add_steps(run, range(1, done + 1))
    with (run / "metrics.jsonl").open("a") as file:
        if done:
            file.write(json.dumps({"event": "validation", "step": done, "psnr": psnr, "ssim": 0.8}) + "\n")
    return run


def add_steps(run: Path, steps: range) -> None:
    with (run / "metrics.jsonl").open("a") as file:
        for step in steps:
            line = {"event": "step", "step": step, "lr": 1e-4, "losses": {"total": 1.0}}
            file.write(json.dumps(line) + "\n")
