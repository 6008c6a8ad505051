"""Headers and legends of Inspect with many long names: whole parts are left out, no number is cut."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from inspect_panels import empty_panel
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from small_models import Bench, make_bench, save_model

from fakd_gui.inspect.loss_chart import WIDEST
from fakd_gui.inspect.panel import InspectPanel
from fakd_gui.inspect.state import difference_key
from fakd_gui.widgets.elided_label import ElidedLabel
from fakd_gui.widgets.image_pane import fit_parts
from fakd_gui.widgets.theme import DARK, watcher

NAMES = ("rcan-2022-11-with-fakd-alpha0.5-long-run", "rcan-2022-11-without", "edsr-student-quick", "x")
SIZES = ((1120, 740), (1090, 700), (820, 600), (600, 440))
"""Panel sizes in windows of 1280 pixels with and without a run, and in smaller ones."""


@pytest.fixture
def panel(qapp: QApplication, tmp_path: Path, qtbot: QtBot) -> Iterator[InspectPanel]:
    """A panel with the teacher and four students, all losses computed."""
    bench: Bench = make_bench(tmp_path)
    for panel in empty_panel(bench, qtbot):
        bench.session.set_teacher(bench.teacher)
        for seed, name in enumerate(NAMES, start=1):
            bench.session.add_student(save_model(tmp_path, name, seed))
        bench.session.open_image(bench.photo)
        summary = panel.area.chart.summary
        qtbot.waitUntil(lambda summary=summary: summary.text() != "")
        yield panel


@pytest.mark.parametrize("size", SIZES)
def test_every_mean_and_every_loss_is_shown_in_full(
    panel: InspectPanel, qtbot: QtBot, size: tuple[int, int]
) -> None:
    panel.resize(*size)
    qtbot.wait(30)
    for bar in (panel.area.affinity_bar, panel.area.difference_bar):
        assert bar.means.heightForWidth(bar.means.width()) <= bar.means.height()
        assert bar.means.text().count("&#9632;") == len(bar.scale.maps)
    scales = (panel.area.affinity_bar.scale, panel.area.difference_bar.scale)
    assert len({scale.mapTo(panel, scale.rect().bottomLeft()).y() for scale in scales}) == 1
    if panel.area.chart.isVisible():
        bars, summary = panel.area.chart.bars, panel.area.chart.summary
        assert bars.width() >= bars.min_width(len(NAMES))
        assert bars.min_width(len(NAMES)) >= len(NAMES) * bars.fontMetrics().horizontalAdvance(WIDEST)
        assert summary.heightForWidth(summary.width()) <= summary.height()


def test_the_chart_is_hidden_if_its_numbers_would_overlap(panel: InspectPanel, qtbot: QtBot) -> None:
    for width, shown in ((1090, True), (720, False)):
        panel.resize(width, 700)
        qtbot.waitUntil(lambda shown=shown: panel.area.chart.isVisible() == shown)


def test_headers_leave_out_whole_parts_and_tooltips_have_everything(panel: InspectPanel) -> None:
    pane = panel.area.board.panes[difference_key(panel.state.students[0])]
    figures, metrics = pane.header.figures, pane.header.fontMetrics()
    first, second = figures.split(" · ")
    assert fit_parts(figures, metrics, metrics.horizontalAdvance(figures)) == figures
    assert fit_parts(figures, metrics, metrics.horizontalAdvance(figures) - 3) == first
    assert second in pane.header.toolTip()
    assert NAMES[0] in pane.header.toolTip()


def test_a_long_name_is_elided_in_the_middle(qtbot: QtBot) -> None:
    label = ElidedLabel("a-very-long-name-of-an-image.png · LR 24 × 16 px")
    qtbot.addWidget(label)
    label.resize(400, 20)
    assert label.shown == label.text()
    label.resize(120, 20)
    assert label.shown.startswith("a-very")
    assert "…" in label.shown
    assert label.shown.endswith("px")
    assert label.minimumSizeHint().width() == 0


def test_the_chart_follows_the_theme(panel: InspectPanel) -> None:
    try:
        watcher().choose("dark")
        assert [one.colour for one in panel.area.chart.bars.students] == [
            DARK.student_colour(number) for number in range(len(NAMES))
        ]
    finally:
        watcher().choose("system")
