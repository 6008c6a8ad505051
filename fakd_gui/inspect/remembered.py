"""What the inspector leaves for the next start."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from fakd_gui.inspect.layout import InspectLayout
from fakd_gui.session.run_folders import is_run


def remember(panel: InspectLayout) -> dict[str, object]:
    """Plain values: see `recall`."""
    timeline = panel.timeline
    return {
        "layer": panel.controls.layer,
        "opacity": panel.controls.opacity_slider.value(),
        "picture": panel.controls.picture,
        "affinity range": list(panel.affinity_bar.bounds),
        "difference range": list(panel.difference_bar.bounds),
        "query": list(panel.asked.pinned),
        "hover": panel.controls.hover.isChecked(),
        "follow": timeline.following,
        "run": "" if timeline.run is None else str(timeline.run),
        "step": timeline.step,
    }


def recall(panel: InspectLayout, remembered: Mapping[str, object]) -> None:
    """Take what `remember` gave; what is missing or unfit stays as it is. The pixel waits for the image."""
    layer, opacity = remembered.get("layer"), remembered.get("opacity")
    if isinstance(layer, int):
        panel.controls.choose_layer(layer)
    if isinstance(opacity, int):
        panel.controls.opacity_slider.setValue(opacity)
    if isinstance(picture := remembered.get("picture"), str):
        panel.controls.choose_picture(picture)
    for name, bar in (("affinity range", panel.affinity_bar), ("difference range", panel.difference_bar)):
        if isinstance(bounds := remembered.get(name), list) and len(bounds) == 2:
            bar.set_bounds(*bounds)
    query = remembered.get("query")
    if isinstance(query, list) and len(query) == 2 and all(isinstance(part, int) for part in query):
        panel.asked.expected = (query[0], query[1])
    panel.controls.hover.setChecked(remembered.get("hover") is True)
    run, step = remembered.get("run"), remembered.get("step")
    if isinstance(run, str) and run and is_run(Path(run)):
        panel.timeline.set_run(Path(run), step if isinstance(step, int) else None)
    panel.timeline.set_following(remembered.get("follow") is True)
