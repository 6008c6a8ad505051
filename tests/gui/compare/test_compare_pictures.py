"""The pixels that Compare draws: a flip, a transposition or half a pixel of shift would fail."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from compare_bench import grab, open_and_wait, save_stamp, stamp
from PySide6.QtCore import QPointF
from pytestqt.qtbot import QtBot
from skimage import data
from small_models import Bench

from fakd_core.data.image_files import write_image
from fakd_core.data.resize import imresize_bicubic
from fakd_core.evaluation.metrics import rgb_to_y, ssim_y
from fakd_core.events import CancelToken, Image8
from fakd_gui.compare.canvases import SplitCanvas
from fakd_gui.compare.captions import difference_figures
from fakd_gui.compare.difference import Difference, Kind, draw_difference
from fakd_gui.compare.panel import ComparePanel
from fakd_gui.compare.panes import DIFFERENCE, HR, LR, SPLIT, Split
from fakd_gui.compare.thumbnails import read_thumbnails
from fakd_gui.session.library_keys import picture_key
from fakd_gui.widgets.convert import array_from_qimage, colourise
from fakd_gui.widgets.image_canvas import ImageCanvas
from fakd_gui.widgets.theme import colour_lut

Pixels = npt.NDArray[np.uint8] | npt.NDArray[np.float64]


def shown(canvas: ImageCanvas, image: Pixels, zoom: int) -> tuple[Image8, Pixels]:
    """The drawn pixels of `image`, and the expected ones: every pixel is a square of `zoom` pixels."""
    expected = image.repeat(zoom, axis=0).repeat(zoom, axis=1)
    left, top = (round(value) for value in canvas.camera.origin().toTuple())
    seen = grab(canvas)
    height, width = seen.shape[:2]
    rows = slice(max(0, top), min(height, top + len(expected)))
    columns = slice(max(0, left), min(width, left + expected.shape[1]))
    part = expected[
        rows.start - top : rows.stop - top,
        columns.start - left : columns.stop - left,
    ]
    assert part.size > 10_000
    return seen[rows, columns], part


@pytest.mark.parametrize("zoom", [1, 3])
def test_every_pane_shows_its_result_unflipped_and_in_place(
    opened: tuple[Bench, ComparePanel], zoom: int
) -> None:
    _, panel = opened
    panel.camera.set_percent(100 * zoom)
    panel.camera.look_at(QPointF(40, 30))
    for key in panel.board.keys:
        pixels = panel.state.pixels(key)
        assert pixels is not None
        seen, expected = shown(panel.board.panes[key].canvas, pixels, zoom)
        assert np.array_equal(seen, expected), key
    assert np.array_equal(panel.state.pixels(HR), stamp())


def test_a_reduced_image_is_the_mean_of_its_pixels_in_place(
    opened: tuple[Bench, ComparePanel], qtbot: QtBot
) -> None:
    bench, panel = opened
    open_and_wait(panel, save_stamp(bench.folder, "large", 640, 960), qtbot)
    panel.camera.set_percent(25)
    means = stamp(640, 960).reshape(160, 4, 240, 4, 3).astype(float).mean(axis=(1, 3))
    seen, expected = shown(panel.board.panes[HR].canvas, means, 1)
    assert np.abs(seen - expected)[1:-1, 1:-1].max() <= 4
    assert np.abs(seen[:, ::-1] - expected).max() > 100


def test_the_split_shows_one_result_on_each_side(opened: tuple[Bench, ComparePanel]) -> None:
    bench, panel = opened
    panel.state.show_split(Split(HR, bench.teacher))
    panel.board.grid.show_only(panel.board.keys.index(SPLIT))
    panel.camera.set_percent(400)
    canvas = panel.board.panes[SPLIT].canvas
    assert isinstance(canvas, SplitCanvas)
    teacher = panel.state.pixels(bench.teacher)
    assert teacher is not None
    for vertical in (True, False):
        panel.state.show_split(Split(HR, bench.teacher, vertical))
        canvas.move_divider(0.4)
        left, top = (round(value) for value in panel.camera.origin().toTuple())
        seen, hr = shown(canvas, stamp(), 4)
        _, other = shown(canvas, teacher, 4)
        at = round(canvas.divider) - (max(0, left) if vertical else max(0, top))
        axis = 1 if vertical else 0
        before, after = [slice(30, None)] * 2, [slice(30, None)] * 2
        before[axis], after[axis] = slice(0, at - 30), slice(at + 30, None)
        assert np.array_equal(seen[tuple(before)], hr[tuple(before)])
        assert np.array_equal(seen[tuple(after)], other[tuple(after)])
        assert not np.array_equal(hr[tuple(after)], other[tuple(after)])


@pytest.mark.parametrize("kind", [Kind.ABSOLUTE, Kind.SQUARED, Kind.SIGNED])
def test_the_difference_is_drawn_with_its_fixed_colour_scale(
    opened: tuple[Bench, ComparePanel], kind: Kind
) -> None:
    bench, panel = opened
    panel.state.show_difference(Difference(bench.teacher, HR, gain=2, kind=kind, colours="viridis"))
    panel.camera.set_percent(300)
    a, b = panel.state.pixels(bench.teacher), stamp().astype(float)
    assert a is not None
    if kind is Kind.ABSOLUTE:
        values, low, high = np.abs(a - b).max(axis=2), 0.0, 127.5
    elif kind is Kind.SQUARED:
        values, low, high = ((a - b) ** 2).mean(axis=2), 0.0, 127.5**2
    else:
        values, low, high = rgb_to_y(a) - rgb_to_y(stamp()), -127.5, 127.5
    lut = colour_lut("colorbrewer:RdBu_r" if kind is Kind.SIGNED else "bids:viridis")
    expected = np.ascontiguousarray(colourise(values, lut, low, high)[:, :, :3])
    drawn = panel.state.picture(DIFFERENCE)
    assert drawn is not None
    # A value between two colours may be rounded to either.
    assert (np.abs(array_from_qimage(drawn).astype(int) - expected).max(axis=2) > 6).mean() < 0.001
    canvas = panel.board.panes[DIFFERENCE].canvas
    seen, placed = shown(canvas, array_from_qimage(drawn), 3)
    assert np.array_equal(seen[: len(seen) // 2], placed[: len(seen) // 2])


def test_the_ssim_map_in_strips_equals_that_of_the_whole_image(monkeypatch: pytest.MonkeyPatch) -> None:
    from skimage.metrics import structural_similarity

    a = stamp(70, 50)
    b = np.roll(a, 1, axis=1)
    monkeypatch.setattr("fakd_gui.compare.difference.STRIP_PIXELS", 50 * 16)
    drawn = draw_difference(a, b, Difference("a", "b", kind=Kind.SSIM), crop_border=4, token=CancelToken())
    _, expected = structural_similarity(
        rgb_to_y(a),
        rgb_to_y(b),
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=255,
        full=True,
    )
    assert drawn.similarity is not None
    assert np.abs(drawn.similarity - expected).max() < 1e-6
    assert drawn.mean == pytest.approx(expected[9:-9, 9:-9].mean())


@pytest.mark.parametrize("scale", [2, 4])
def test_the_mean_of_the_ssim_map_is_the_score(scale: int) -> None:
    hr = np.ascontiguousarray(data.astronaut()[100:164, 140:210])
    sr = imresize_bicubic(imresize_bicubic(hr, 0.5), 2)
    # The border of an image is not scored.
    sr[: scale // 2] = 255
    drawn = draw_difference(
        sr, hr, Difference("sr", "hr", kind=Kind.SSIM), crop_border=scale, token=CancelToken()
    )
    assert difference_figures(drawn).startswith(f"mean {ssim_y(sr, hr, scale):.4f}, ")


@pytest.mark.parametrize(("side", "figures"), [(18, ""), (19, "mean 1.0000, minimum 1.000")])
def test_the_ssim_map_has_no_mean_if_nothing_is_left_inside_the_border(side: int, figures: str) -> None:
    image = stamp(side, 40)
    drawn = draw_difference(
        image, image, Difference("a", "b", kind=Kind.SSIM), crop_border=4, token=CancelToken()
    )
    assert difference_figures(drawn) == figures
    assert drawn.similarity is not None


def test_the_figures_of_the_ssim_map_show_the_score_of_the_pane(
    opened: tuple[Bench, ComparePanel], qtbot: QtBot
) -> None:
    bench, panel = opened
    panel.state.show_difference(Difference(bench.teacher, HR, kind=Kind.SSIM))
    header = panel.board.panes[DIFFERENCE].header
    qtbot.waitUntil(lambda: header.figures != "")
    scores = panel.state.results[bench.teacher].scores
    assert scores is not None
    assert header.figures.startswith(f"mean {scores.ssim:.4f}, ")


def test_lr_and_a_picture_of_lr_size_are_aligned_with_the_others(
    opened: tuple[Bench, ComparePanel], qtbot: QtBot
) -> None:
    bench, panel = opened
    image = bench.session.image
    assert image is not None
    small = bench.folder / "small.png"
    write_image(small, stamp(16, 24))
    with qtbot.waitSignal(panel.finished):
        panel.state.show_pane(LR)
    with qtbot.waitSignal(panel.finished):
        panel.state.add_picture(small)
    panel.camera.set_percent(200)
    for key, pixels in ((LR, image.lr), (picture_key(small), stamp(16, 24))):
        large = pixels.repeat(4, axis=0).repeat(4, axis=1)
        seen, expected = shown(panel.board.panes[key].canvas, large, 2)
        assert np.array_equal(seen, expected)
        panel.camera.set_cursor(QPointF(50.5, 33.5))
        rgb = " ".join(str(value) for value in pixels[33 // 4, 50 // 4])
        assert panel.board.panes[key].header.readout.startswith(rgb + " · Y ")
        panel.camera.set_cursor(None)


def test_thumbnails_are_unflipped_means_and_unreadable_files_have_none(tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_text("no picture")
    path = save_stamp(tmp_path, "large", 224, 336)
    read = dict(read_thumbnails([broken, path], 1.0, CancelToken()))
    assert list(read) == [broken, path]
    assert read[broken] is None
    assert read[path] is not None
    small = array_from_qimage(read[path])
    means = stamp(224, 336).reshape(56, 4, 84, 4, 3).astype(float).mean(axis=(1, 3))
    assert np.abs(small - means).max() <= 2
