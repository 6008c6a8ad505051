"""The results as tables in Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]
SETS = ("Set5", "Set14", "B100", "Urban100")
TITLES = {
    "time-4000": "RCAN x4, the time of 4,000 steps without a teacher",
    "time-8000": "RCAN x4, the time of 8,000 steps without a teacher",
    "time-san-x4": "SAN x4, the time of 4,000 steps without a teacher",
    "time-rcan-x2": "RCAN x2, the time of 4,000 steps without a teacher",
    "rcan-x4": "RCAN x4",
    "san-x4": "SAN x4",
    "rcan-x2": "RCAN x2",
    "ablation": "Ablations, RCAN x4 at a third of the steps",
}


def baseline_of(family: str) -> str:
    """The row that a family's other rows are compared with."""
    if family == "ablation":
        return "10*SA, layers 1,2,3"
    return "no teacher" if family.startswith("time-") else "DS"


def markdown(rows: Sequence[Row]) -> str:
    """A table for each family: PSNR (dB) and SSIM, means over the seeds with their standard deviation."""
    parts = [_family(family, [row for row in rows if row["family"] == family]) for family in TITLES]
    return "\n\n".join(part for part in parts if part) + "\n"


def _family(family: str, rows: list[Row]) -> str:
    if not rows:
        return ""
    baseline = baseline_of(family)
    lines = [
        f"### {TITLES[family]}",
        "",
        _line(["", *SETS, f"mean gain over {baseline}"]),
        _line(["---"] * (len(SETS) + 2)),
    ]
    compared = [row for row in rows if row["kind"] == baseline]
    for kind in dict.fromkeys(row["kind"] for row in rows):
        own = [row for row in rows if row["kind"] == kind]
        cells = [_cell([row["scores"][name] for row in own]) for name in SETS]
        lines.append(_line([_title(kind, own), *cells, _gain(own, compared)]))
    lines += [f"\n{_title(row['kind'], [row])}: {row['note']}" for row in rows if row.get("note")]
    return "\n".join(lines)


def _title(kind: str, rows: Sequence[Row]) -> str:
    return f"{kind}, {len(rows)} seeds" if len(rows) > 1 else kind


def _cell(scores: Sequence[Mapping[str, float]]) -> str:
    psnr = [score["psnr"] for score in scores]
    ssim = statistics.mean(score["ssim"] for score in scores)
    spread = f" ± {statistics.stdev(psnr):.3f}" if len(psnr) > 1 else ""
    return f"{statistics.mean(psnr):.3f}{spread} / {ssim:.4f}".replace("/ 0.", "/ .")


def _gain(rows: Sequence[Row], compared: Sequence[Row]) -> str:
    """Mean gain over the sets and seeds that both have."""
    by_seed = {row["seed"]: row for row in compared}
    pairs = [(row, by_seed[row["seed"]]) for row in rows if row["seed"] in by_seed]
    if not pairs or rows[0]["kind"] in ("teacher", compared[0]["kind"]):
        return ""
    gains = [
        row["scores"][name]["psnr"] - other["scores"][name]["psnr"] for row, other in pairs for name in SETS
    ]
    return f"{statistics.mean(gains):+.3f} dB"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
