"""Plot the validation curves of results.json, one panel per seed of a family.

.venv/bin/python -m benchmarks.table3.curves rcan-x4 docs/images/evidence-rcan-x4.png
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from matplotlib.figure import Figure

HERE = Path(__file__).parent
COLOURS = {"DS": "#1a7f4b", "DS + TS": "#1f6fc5", "FAKD": "#d9650b"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    rows = json.loads((HERE / "results.json").read_text(encoding="utf-8"))
    parser.add_argument("family", choices=list(dict.fromkeys(row["family"] for row in rows)))
    parser.add_argument("picture", type=Path)
    options = parser.parse_args()
    rows = [row for row in rows if row["family"] == options.family and row["kind"] in COLOURS]
    seeds = sorted({row["seed"] for row in rows})
    figure = Figure(figsize=(2.4 * len(seeds) + 1, 2.6), layout="constrained")
    panels = figure.subplots(1, len(seeds), squeeze=False)[0]
    for panel, seed in zip(panels, seeds, strict=True):
        panel.set_title(f"seed {seed}", fontsize=9)
        panel.set_xlabel("step")
        panel.grid(color="0.92")
        for row in rows:
            if row["seed"] == seed:
                steps, psnr = zip(*row["validation"], strict=True)
                panel.plot(
                    steps, psnr, label=row["kind"], color=COLOURS[row["kind"]], marker=".", linewidth=1
                )
    panels[0].set_ylabel("validation PSNR, dB")
    panels[-1].legend(frameon=False, loc="lower right")
    figure.savefig(options.picture, dpi=150)


if __name__ == "__main__":
    main()
