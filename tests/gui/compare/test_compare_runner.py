"""Panes while their results are computed, and their costs afterwards."""

from __future__ import annotations

import numpy as np
import pytest
from compare_bench import Opened, open_and_wait, save_stamp
from pytestqt.qtbot import QtBot

from fakd_core.events import Progress
from fakd_core.inference.upscale import upscale
from fakd_core.models.cost import profile
from fakd_gui.compare.panes import BICUBIC, HR
from fakd_gui.compare.results import PaneProgress, PaneResult, PaneTile
from fakd_gui.widgets.convert import array_from_qimage


def test_a_result_appears_tile_by_tile_each_in_its_place(
    opened: Opened, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, panel = opened
    monkeypatch.setattr("fakd_core.inference.upscale.fitting_side", lambda *_: 96)
    tiles: list[PaneTile] = []
    messages: list[str] = []

    def look(event: object) -> None:
        if isinstance(event, PaneTile) and event.key == bench.teacher:
            tiles.append(event)
            messages.append(panel.board.panes[event.key].canvas.message)
            assert panel.board.panes[event.key].canvas.overlays[-1] is event.overlay

    panel.state.reported.connect(look)
    open_and_wait(panel, save_stamp(bench.folder, "large", 480, 640), qtbot)
    assert len(tiles) >= 4
    image = bench.session.image
    assert image is not None
    whole = upscale(bench.session.models.get(bench.teacher), image.lr, tile=96)
    assert np.array_equal(panel.state.pixels(bench.teacher), whole)
    for tile in tiles:
        left, top = int(tile.overlay.rect.left()), int(tile.overlay.rect.top())
        part = array_from_qimage(tile.overlay.image)
        # Seams are blended later: the middle of a tile is final.
        inner = slice(64, -64)
        there = whole[top : top + part.shape[0], left : left + part.shape[1]]
        assert np.array_equal(part[inner, inner], there[inner, inner])
    assert messages[-1] == ""
    assert len(panel.board.panes[bench.teacher].canvas.overlays) == 1


def test_the_ground_truth_is_shown_before_anything_is_computed(opened: Opened, qtbot: QtBot) -> None:
    bench, panel = opened
    ready: list[str] = []

    def look(event: object) -> None:
        if isinstance(event, PaneResult):
            ready.append(event.key)

    panel.state.reported.connect(look)
    open_and_wait(panel, bench.photo, qtbot)
    assert ready == [HR, BICUBIC, *bench.students, bench.teacher]


def test_costs_and_smaller_tiles_are_shown(opened: Opened) -> None:
    bench, panel = opened
    result = panel.state.results[bench.teacher]
    assert result.gmacs > 0
    costs = panel.board.panes[bench.teacher].header.costs
    assert f"{result.parameters / 1e6:.2f} M" in costs
    image = bench.session.image
    assert image is not None
    expected = profile(bench.session.models.get(bench.teacher).spec, image.lr.shape[:2]).gmacs
    assert f"{expected:.3g} GMACs at 24×16 LR" in costs
    messages: list[str] = []
    bench.session.status_message.connect(messages.append)
    note = "out of memory with 256 LR pixels at once, continuing with 128"
    panel.state.receive(PaneProgress(bench.teacher, Progress(1, 4, "tiles", note)))
    assert messages == [f"teacher: {note}"]
    assert note in panel.board.panes[bench.teacher].canvas.message
