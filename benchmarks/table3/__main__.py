"""Reproduce the paper's Table 3: run the trainings listed in this folder, score them and write the tables.

    .venv/bin/python -m benchmarks.table3 --data BSDS400 --benchmarks DIR [--only rcan-x4] [--jobs 2]

Resumes where it stopped: finished trainings and scores stay, an interrupted training goes on.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.table3.experiments import Training, read_experiment
from benchmarks.table3.report import SETS, TITLES, markdown
from fakd_core.runs.layout import RunLayout
from fakd_core.runs.metrics_files import read_metrics

HERE = Path(__file__).parent
FAKD = (sys.executable, "-m", "fakd_core.cli")


class Runner:
    """Trains and evaluates in child processes of `threads` threads each."""

    def __init__(self, data: Path, benchmarks: Path, out: Path, threads: int) -> None:
        self._data = data
        self._benchmarks = benchmarks
        self._out = out
        self._environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
        self._printing = threading.Lock()

    def train(self, training: Training) -> None:
        run = self._out / training.name
        is_started = RunLayout(run).is_run()
        words = ["train", "--resume", str(run)] if is_started else training.command(self._data, self._out)
        with (self._out / f"{training.name}.log").open("a", encoding="utf-8") as log:
            self._fakd(words, stdout=log, stderr=log)

    def evaluate(self, model: str, name: str, scale: int) -> Path:
        """Score `model` on every set, unless that is done; return the file of scores."""
        file = self._out / f"{name}.scores.json"
        if not file.exists():
            sets = [word for kind in SETS for word in ("--data", str(self._benchmarks / kind))]
            done = self._fakd(
                ["evaluate", "--model", model, *sets, "--scale", str(scale), "--json"], stdout=subprocess.PIPE
            )
            part = file.with_suffix(".part")
            part.write_bytes(done.stdout)
            part.replace(file)
        return file

    def complete(self, training: Training, teacher: Future[Any] | None) -> dict[str, Any]:
        """Train and score; a student waits for its `teacher`. Returns one row of the results."""
        if teacher is not None:
            teacher.result()
        run = self._out / training.name
        file = self._out / f"{training.name}.scores.json"
        if not file.exists():
            self.train(training)
        scores = json.loads(
            self.evaluate(str(run), training.name, training.scale).read_text(encoding="utf-8")
        )
        return {
            "family": training.family,
            "kind": training.kind,
            "seed": training.seed,
            "scale": training.scale,
            "options": training.options,
            "note": training.note,
            "scores": {
                result["dataset"]: {"psnr": result["psnr_y"], "ssim": result["ssim_y"]}
                for result in scores["results"]
            },
            "validation": [
                [line["step"], line["psnr"]] for line in read_metrics(run) if line["event"] == "validation"
            ],
        }

    def _fakd(self, words: list[str], **streams: Any) -> subprocess.CompletedProcess[bytes]:
        with self._printing:
            print("fakd", *words, flush=True)
        return subprocess.run([*FAKD, *words], check=True, env=self._environment, **streams)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="BSDS400, or other training images")
    parser.add_argument("--benchmarks", type=Path, required=True, help="the folder of Set5, Set14, ...")
    parser.add_argument("--out", type=Path, default=Path("runs/table3"))
    parser.add_argument("--only", choices=TITLES, nargs="+", default=TITLES)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="parallel trainings")
    parser.add_argument("--threads", type=int, default=1, help="threads per training")
    options = parser.parse_args()
    for folder in (options.data, *(options.benchmarks / name for name in SETS)):
        if not folder.is_dir():
            parser.error(f"no folder {folder}")
    options.out.mkdir(parents=True, exist_ok=True)
    runner = Runner(options.data, options.benchmarks, options.out, options.threads)
    results = HERE / "results.json"
    rows = {
        (row["family"], row["kind"], row["seed"]): row
        for row in (json.loads(results.read_text(encoding="utf-8")) if results.exists() else [])
    }
    trainings = [training for name in options.only for training in read_experiment(HERE / f"{name}.toml")]
    with ThreadPoolExecutor(options.jobs) as pool:
        futures: dict[str, Future[dict[str, Any]]] = {}
        for training in sorted(trainings, key=lambda training: training.kind != "teacher"):
            teacher = futures.get(training.teacher)
            futures[training.name] = pool.submit(runner.complete, training, teacher)
        failed = []
        for training in trainings:
            try:
                row = futures[training.name].result()
            except subprocess.CalledProcessError:
                failed.append(training.name)
                continue
            rows[row["family"], row["kind"], row["seed"]] = row
            all_rows = list(rows.values())
            results.write_text(json.dumps(all_rows, indent=1) + "\n", encoding="utf-8")
            (HERE / "results.md").write_text(markdown(all_rows), encoding="utf-8")
    if failed:
        sys.exit(f"failed, or their teachers did: {', '.join(failed)}; see the logs in {options.out}")


if __name__ == "__main__":
    main()
