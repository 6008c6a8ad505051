"""What Compare keeps from one start to the next, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF

from fakd_gui.compare.difference import COLOURS, Difference, Kind
from fakd_gui.compare.pair_bars import GAINS
from fakd_gui.compare.split import Split
from fakd_gui.compare.work import LR

if TYPE_CHECKING:
    from fakd_gui.compare.panel import ComparePanel


def remember(panel: ComparePanel) -> dict[str, object]:
    """Look, split, difference, order of the panes, and the region of the image that is open."""
    pane_set, image, region = panel.board.pane_set, panel.session.image, panel.region
    known = panel.difference_bar.difference
    state: dict[str, object] = {
        "smooth": panel.camera.smooth,
        "closed": sorted(pane_set.closed),
        "order": pane_set.order,
        "difference shown": pane_set.difference is not None,
        "difference": [known.a or "", known.b or "", known.gain, known.kind.value, known.colours],
        "split shown": pane_set.split is not None,
        "split": [
            panel.split_bar.split.a or "",
            panel.split_bar.split.b or "",
            panel.split_bar.split.vertical,
        ],
    }
    if image is not None and region is not None:
        state["region of"] = str(image.path)
        state["region"] = [region.left, region.top, region.width, region.height]
    return state


@dataclass(frozen=True)
class Remembered:
    """Reads what an earlier, or later, version wrote: what isn't of the kind expected is not there."""

    state: Mapping[str, object]

    def flag(self, name: str) -> bool:
        return self.state.get(name) is True

    def texts(self, name: str) -> list[str]:
        return [item for item in self.items(name) if isinstance(item, str)]

    def items(self, name: str) -> list[object]:
        found = self.state.get(name)
        return list(found) if isinstance(found, list) else []


def recall(panel: ComparePanel, remembered: Remembered) -> None:
    """Restore what `remember` gave; the region waits for its image."""
    pane_set = panel.board.pane_set
    if "smooth" in remembered.state:
        panel.camera.set_smooth(remembered.flag("smooth"))
    pane_set.closed = set(remembered.texts("closed")) if "closed" in remembered.state else {LR}
    pane_set.order = remembered.texts("order")
    match remembered.items("difference"):
        case [str(a), str(b), int(gain), str(kind), str(colours)] if (
            gain in GAINS and colours in COLOURS and kind in [known.value for known in Kind]
        ):
            panel.difference_bar.show_difference(Difference(a, b, gain, Kind(kind), colours))
    match remembered.items("split"):
        case [str(a), str(b), bool(vertical)]:
            panel.split_bar.show_split(Split(a, b, vertical))
    if remembered.flag("difference shown"):
        panel.set_difference(panel.difference_bar.difference)
    if remembered.flag("split shown"):
        panel.set_split(panel.split_bar.split)
    match remembered.items("region"):
        case [int(left), int(top), int(width), int(height)]:
            region = QRectF(left, top, width, height)
            image = panel.session.image
            path = Path(str(remembered.state.get("region of", "")))
            if image is not None and image.path == path:
                panel.set_region(region)
            else:
                panel.recalled = (path, region)
