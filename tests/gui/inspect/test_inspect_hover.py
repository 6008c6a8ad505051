"""Hover mode, and the state that the next start restores."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from inspect_panels import expected_row, move_mouse, shown_panel
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot
from small_models import Bench, save_photo

from fakd_gui.inspect.panel import InspectPanel
from fakd_gui.inspect.state import IMAGE, InspectMemory
from fakd_gui.session.jobs import stop_all
from fakd_gui.widgets.theme import current_theme


@pytest.fixture
def panel(bench: Bench, qtbot: QtBot) -> Iterator[InspectPanel]:
    yield from shown_panel(bench, qtbot)


def at(panel: InspectPanel, y: int, x: int) -> QPoint:
    """Position of the LR pixel (y, x) on a pane."""
    return panel.area.camera.to_view(QPointF(4 * x + 2, 4 * y + 2)).toPoint()


def test_hovering_shows_the_pixel_under_the_mouse_and_a_click_pins_it(
    bench: Bench, panel: InspectPanel, qtbot: QtBot
) -> None:
    image = bench.session.image
    assert image is not None
    with qtbot.waitSignal(panel.map_shown):
        panel.state.set_query(2, 20)
    announced: list[tuple[int, int]] = []
    panel.state.query_changed.connect(lambda y, x: announced.append((y, x)))
    QTest.keyClick(panel, Qt.Key.Key_H)
    assert panel.controls.hover.isChecked()
    canvas = panel.area.board.panes[bench.teacher].canvas
    with qtbot.waitSignal(panel.map_shown):
        move_mouse(canvas, at(panel, 13, 6))
    row = expected_row(bench.teacher, image.lr, 3, 13, 6)
    np.testing.assert_allclose(panel.area.board.rows[bench.teacher], row, atol=1e-5)
    assert panel.state.query == (2, 20)
    assert announced == []
    # The headers show the affinity of the pixel under the mouse to the pinned one.
    assert panel.area.board.panes[bench.teacher].header.readout == f"{row[2, 20]:+.3f}".replace("-", "−")
    picture = panel.area.board.panes[IMAGE].canvas
    assert picture.marker is not None
    assert picture.marker.getRect() == (80, 8, 4, 4)
    assert [(mark.getRect(), colour) for mark, colour in picture.marks] == [
        ((24, 52, 4, 4), current_theme().accent)
    ]
    QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=at(panel, 13, 6))
    assert panel.state.query == announced[-1] == (13, 6)
    with qtbot.waitSignal(panel.map_shown):
        move_mouse(canvas, at(panel, 1, 1))
    with qtbot.waitSignal(panel.map_shown):
        panel.area.camera.set_cursor(None)
    np.testing.assert_allclose(panel.area.board.rows[bench.teacher], row, atol=1e-5)


def test_without_hover_mode_the_mouse_only_reads_values(
    bench: Bench, panel: InspectPanel, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(panel.map_shown):
        panel.state.set_query(2, 20)
    before = panel.area.board.rows[bench.teacher]
    move_mouse(panel.area.board.panes[bench.teacher].canvas, at(panel, 13, 6))
    qtbot.wait(20)
    assert panel.area.board.rows[bench.teacher] is before
    value = f"{before[13, 6]:+.3f}".replace("-", "−")
    qtbot.waitUntil(lambda: panel.area.board.panes[bench.teacher].header.readout == value)


def test_hovering_outside_the_window_of_a_large_image_computes_nothing(
    bench: Bench, panel: InspectPanel, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fakd_core.evaluation.features.MAX_WINDOW_SIDE", 12)
    with qtbot.waitSignal(panel.map_shown):
        bench.session.open_image(save_photo(bench.folder, "larger", 128, 160))
    panel.state.set_hovering(True)
    window = panel.area.board.window
    move_mouse(panel.area.board.panes[IMAGE].canvas, at(panel, 1, 1))
    qtbot.wait(20)
    assert panel.area.board.window == window
    assert bench.teacher in panel.area.board.rows
    assert not panel.runner.extracting.running


def test_the_next_start_restores_what_was_shown(
    bench: Bench, panel: InspectPanel, qtbot: QtBot, tmp_path: Path
) -> None:
    run = tmp_path / "runs" / "rcan-a"
    run.mkdir(parents=True)
    (run / "config.toml").touch()
    panel.state.set_query(14, 2)
    panel.state.set_layer(1)
    panel.controls.opacity_slider.setValue(40)
    panel.state.set_style(picture="HR")
    panel.state.set_style(affinity_range=(-1.0, 1.0), difference_range=(-0.1, 0.1))
    panel.state.set_hovering(True)
    panel.state.timeline.set_run(run)
    panel.state.timeline.set_following(True)
    memory = panel.memory()
    other = InspectPanel(bench.session)
    qtbot.addWidget(other, before_close_func=stop_all)
    other.restore(InspectMemory.model_validate_json(memory.model_dump_json()))
    other.show()
    with qtbot.waitSignal(bench.session.image_changed):
        bench.session.open_image(bench.photo)
    assert other.memory() == memory
    assert (other.state.query, other.state.layer) == ((14, 2), 1)
    assert other.controls.picture_choice.currentText() == "Picture: HR"
    assert other.area.affinity_bar.scale.bounds == (-1.0, 1.0)


@pytest.mark.parametrize(
    "damaged",
    [
        {},
        {
            "layer": "x",
            "style": {"opacity": None, "picture": 3, "affinity_range": "0"},
            "query": [1],
            "run": 5,
        },
        {
            "layer": 99,
            "style": {"opacity": 500, "picture": "none", "difference_range": [7, 8]},
            "query": ["a", 2],
        },
        {"style": 7},
        {"run": "/nowhere", "step": "late", "unknown": 1},
    ],
)
def test_an_invalid_memory_restores_the_defaults(
    bench: Bench, panel: InspectPanel, damaged: dict[str, object]
) -> None:
    panel.restore(InspectMemory.model_validate(damaged))
    assert panel.state.layer == 3
    assert panel.controls.picture_choice.currentText() == "Picture: LR"
    assert panel.area.affinity_bar.scale.bounds == (0.0, 1.0)
    assert panel.state.timeline.run is None


def test_the_style_that_an_earlier_version_kept_is_restored(panel: InspectPanel) -> None:
    kept = {"opacity": 30, "picture": "HR", "affinity_range": [-1.0, 1.0], "layer": 1}
    panel.restore(InspectMemory.model_validate(kept))
    assert (panel.state.style.opacity, panel.state.style.picture) == (30, "HR")
    assert panel.state.style.affinity_range == (-1.0, 1.0)
    assert kept.items() <= panel.memory().model_dump(mode="json").items()
