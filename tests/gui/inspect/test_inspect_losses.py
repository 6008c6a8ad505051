"""SA losses in Inspect: header figures, chart, summary and histograms."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from inspect_panels import feature_map
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot
from small_models import Bench, save_photo

from fakd_core.data.image_files import write_image
from fakd_core.distillation.affinity import spatial_affinity, spatial_affinity_loss
from fakd_core.evaluation.features import Spread, extract_features
from fakd_core.events import CancelToken
from fakd_gui.inspect.features import SALoss
from fakd_gui.inspect.loss_chart import StudentLosses, nearest_at, summarise
from fakd_gui.inspect.panel import InspectPanel
from fakd_gui.inspect.state import difference_key


def sa_loss(bench: Bench, student: str, layer: int) -> float:
    """The core's streamed SA loss of the image shown."""
    image = bench.session.image
    assert image is not None
    maps = (feature_map(ref, image.lr, layer)[None] for ref in (student, bench.teacher))
    return float(spatial_affinity_loss(*maps))


def test_headers_have_the_mean_of_the_row_and_the_streamed_loss(
    bench: Bench, inspected: InspectPanel, qtbot: QtBot
) -> None:
    image, student = bench.session.image, bench.students[0]
    assert image is not None
    qtbot.waitUntil(lambda: inspected.runner.loss(student, 3) is not None)
    loss = sa_loss(bench, student, 3)
    found = inspected.runner.loss(student, 3)
    assert found is not None
    assert found.exact
    assert found.value == pytest.approx(loss, rel=1e-4)
    key = difference_key(student)
    mean = float(np.abs(inspected.area.board.rows[key]).mean())
    assert inspected.area.board.panes[key].header.figures == f"SA {loss:.4f} · mean |Δ| {mean:.4f}"
    pairs = spatial_affinity(feature_map(student, image.lr, 3)[None])[0]
    others = pairs[~torch.eye(len(pairs), dtype=torch.bool)]
    assert f" · all {Spread(float(others.mean()), float(others.std()))} · " in (
        inspected.area.board.panes[student].header.figures
    )


def test_the_nearer_student_is_marked_layer_by_layer(
    bench: Bench, inspected: InspectPanel, qtbot: QtBot
) -> None:
    image = bench.session.image
    assert image is not None
    with qtbot.waitSignal(inspected.map_shown):
        bench.session.add_student(bench.students[1])
    bars = inspected.area.chart.bars
    qtbot.waitUntil(lambda: len(bars.students) == 2 and all(len(one.losses) == 4 for one in bars.students))
    losses = np.array([[sa_loss(bench, ref, tap) for tap in range(4)] for ref in bench.students])
    shown = [[one.losses[tap].value for tap in range(4)] for one in bars.students]
    np.testing.assert_allclose(shown, losses, rtol=1e-4)
    nearest = losses.argmin(axis=0)
    assert [nearest_at(bars.students, tap) for tap in range(4)] == nearest.tolist()
    for number, ref in enumerate(bench.students):
        figures = inspected.area.board.panes[difference_key(ref)].header.figures
        assert ("(nearer)" in figures) == (nearest[3] == number)
    winner = int((nearest == 1).sum() > 2)
    if (nearest == 1).sum() != 2:
        assert inspected.area.chart.summary.toolTip().startswith(("with", "without")[winner])


def test_students_on_a_single_pixel_are_equal_up_to_rounding(
    bench: Bench, inspected: InspectPanel, qtbot: QtBot
) -> None:
    bench.session.add_student(bench.students[1])
    pixel = bench.folder / "pixel.png"
    write_image(pixel, np.full((1, 1, 3), 90, np.uint8))
    with qtbot.waitSignal(inspected.map_shown):
        bench.session.set_is_lr(True)
        bench.session.open_image(pixel)
    chart = inspected.area.chart
    qtbot.waitUntil(lambda: chart.summary.text() == "equal up to rounding")
    assert chart.summary.toolTip().startswith("Equally near to the teacher")
    for ref in bench.students:
        assert "nearer" not in inspected.area.board.panes[difference_key(ref)].header.figures


NEARER = "a is nearer to the teacher at"


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        (([0.1, 0.1, 0.1, 0.1], [0.2, 0.2, 0.2, 0.2]), "a is nearer to the teacher at every layer"),
        (([0.1, 0.1, 0.1, 0.3], [0.2, 0.2, 0.2, 0.2]), f"{NEARER} 3 of 4 layers"),
        (([0.1, 0.2, 0.2, 0.2], [0.2, 0.20001, 0.2, 0.2]), f"{NEARER} 1 of 4 layers, equal at 3"),
        (([0.1, 0.1, 0.3, 0.3], [0.2, 0.2, 0.2, 0.2]), "A tie by layers"),
        (([0.1, 0.1, 0.3, 0.3], [0.2, 0.2, 0.2, 0.3], [0.3, 0.3, 0.3, 0.2]), f"{NEARER} 2 of 4 layers"),
        (([0.1, 0.2], [0.2]), ""),
        (([0.1, 0.2, 0.3, 0.4],), ""),
    ],
)
def test_the_summary_counts_layers(losses: tuple[list[float], ...], expected: str) -> None:
    students = [
        StudentLosses(name, "#000000", {tap: SALoss(value, True) for tap, value in enumerate(values)})
        for name, values in zip("abc", losses, strict=False)
    ]
    assert summarise(students, 4)[0] == expected


def test_losses_of_large_windows_are_estimated_and_marked(
    bench: Bench, inspected: InspectPanel, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fakd_core.evaluation.features.MAX_LATTICE_POSITIONS", 1000)
    monkeypatch.setattr("fakd_gui.inspect.runner.MAX_EXACT_POSITIONS", 1200)
    student = bench.students[0]
    with qtbot.waitSignal(inspected.map_shown):
        bench.session.open_image(save_photo(bench.folder, "larger", 128, 160))
    qtbot.waitUntil(lambda: inspected.runner.loss(student, 3) is not None)
    qtbot.waitUntil(lambda: not inspected.runner.losses.running)
    loss, image = inspected.runner.loss(student, 3), bench.session.image
    assert loss is not None
    assert image is not None
    teacher_map, student_map = (feature_map(ref, image.lr, 3)[None] for ref in (bench.teacher, student))
    lattice = float(spatial_affinity_loss(student_map[..., ::2, ::2], teacher_map[..., ::2, ::2]))
    assert (loss.exact, loss.value) == (False, pytest.approx(lattice, rel=1e-4))
    exact = float(spatial_affinity_loss(student_map, teacher_map))
    assert loss.value == pytest.approx(exact, rel=0.1)
    assert f"SA ≈ {lattice:.4f}" in inspected.area.board.panes[difference_key(student)].header.figures


def test_progress_is_shown_and_can_be_cancelled(
    bench: Bench, inspected: InspectPanel, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, go_on = threading.Event(), threading.Event()

    def slow(*given: object, cancel: CancelToken, **more: object) -> object:
        started.set()
        go_on.wait(60)
        cancel.raise_if_cancelled()
        return extract_features(*given, cancel=cancel, **more)

    monkeypatch.setattr("fakd_gui.inspect.features.extract_features", slow)
    bench.session.add_student(bench.students[1])
    qtbot.waitUntil(started.is_set)
    status = inspected.status
    qtbot.waitUntil(status.cancel_button.isVisible)
    assert status.task.text() == "Feature maps of without"
    assert status.progress.value() > 0
    QTest.mouseClick(status.cancel_button, Qt.MouseButton.LeftButton)
    go_on.set()
    qtbot.waitUntil(lambda: not inspected.runner.extracting.running)
    assert not status.cancel_button.isVisible()
    second = bench.students[1]
    assert "Cancelled" in inspected.area.board.panes[second].canvas.message
    assert bench.students[0] in inspected.area.board.rows
    with qtbot.waitSignal(inspected.map_shown):
        inspected.state.set_query(4, 4)
    assert second in inspected.area.board.rows


def test_histograms_count_every_position_and_show_the_means(bench: Bench, inspected: InspectPanel) -> None:
    student = bench.students[0]
    for bar, keys in (
        (inspected.area.affinity_bar, (bench.teacher, student)),
        (inspected.area.difference_bar, (difference_key(student),)),
    ):
        assert [shown.mean for shown in bar.scale.maps] == [
            float(inspected.area.board.rows[key].mean()) for key in keys
        ]
        for shown, key in zip(bar.scale.maps, keys, strict=True):
            row, (low, high) = inspected.area.board.rows[key], bar.scale.bounds
            counts, _ = np.histogram(np.clip(row, low, high), bins=64, range=(low, high))
            np.testing.assert_allclose(bar.scale.histogram(shown.values), counts / row.size, atol=0.011)
            assert f"{shown.mean:.3f}".replace("-", "−") in bar.means.text()
