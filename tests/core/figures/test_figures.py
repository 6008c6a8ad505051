"""Figures have the right pixels in the right places, and are reproduced by their recipe."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np
import pytest

from fakd_core.data.image_files import read_image, write_image
from fakd_core.data.resize import imresize_bicubic
from fakd_core.distillation.affinity import affinity_row
from fakd_core.errors import ConfigError, FakdError
from fakd_core.evaluation.features import Window
from fakd_core.evaluation.metrics import psnr_y, ssim_y
from fakd_core.events import Cancelled, CancelToken, Progress
from fakd_core.figures.affinity_maps import AffinityMaps, affinity_maps, apply_colour_map
from fakd_core.figures.draw import FigureWritten, compose, draw
from fakd_core.figures.inputs import FigureInputs
from fakd_core.figures.page import MM_PER_POINT, REGION_COLOURS, Frame, Page, Picture, Text
from fakd_core.figures.rendering import read_embedded
from fakd_core.figures.spec import AffinityFigure, Box, CropFigure, FigureSpec
from fakd_core.figures.spec_file import read_spec, spec_command
from fakd_core.inference.upscale import tensor_from_image
from fakd_core.runs.references import load_model

BOX = Box(12, 24, 20, 16)


@pytest.fixture
def stamped(tmp_path: Path) -> Path:
    """96x64, grey, with an asymmetric stamp inside `BOX`: red top left, a green bar below, blue at right."""
    image = np.full((64, 96, 3), 90, np.uint8)
    image[24:28, 12:20] = (250, 10, 10)
    image[34:36, 12:30] = (10, 250, 10)
    image[30:32, 29:32] = (10, 10, 250)
    path = tmp_path / "stamp.png"
    write_image(path, image)
    return path


def crops(image: Path, **changes: object) -> CropFigure:
    values: dict[str, object] = {"image": image, "regions": (BOX,), "models": ("bicubic", "HR"), **changes}
    return CropFigure.build(**values)


def page_of(spec: FigureSpec, inputs: FigureInputs | None = None) -> Page:
    *_, page = compose(spec, inputs)
    assert isinstance(page, Page)
    return page


def write(spec: FigureSpec, out: Path) -> FigureWritten:
    *_, written = draw(spec, out)
    assert isinstance(written, FigureWritten)
    return written


def test_a_png_has_the_region_upright_in_its_place_and_a_box_around_it(stamped: Path, tmp_path: Path) -> None:
    spec = crops(stamped)
    page = page_of(spec)
    write(spec, tmp_path / "out.png")
    drawn = read_image(tmp_path / "out.png").astype(int)
    per_mm = spec.dpi / 25.4
    pictures = [item for item in page.items if isinstance(item, Picture)]
    hr = read_image(stamped).astype(int)
    expected = hr[BOX.y : BOX.y + BOX.height, BOX.x : BOX.x + BOX.width]
    rect = pictures[2].rect
    # The frame covers the outermost pixels.
    ys, xs = np.mgrid[1 : BOX.height - 1, 1 : BOX.width - 1]
    at_y = ((rect.top + (ys + 0.5) * rect.height / BOX.height) * per_mm).astype(int)
    at_x = ((rect.left + (xs + 0.5) * rect.width / BOX.width) * per_mm).astype(int)
    assert np.array_equal(drawn[at_y, at_x], expected[1:-1, 1:-1])

    whole = pictures[0].rect
    red = np.array([int(REGION_COLOURS[0][i : i + 2], 16) for i in (1, 3, 5)])
    inside = drawn[:, : int(whole.width * per_mm)]
    ys, xs = np.nonzero(np.abs(inside - red).sum(2) < 6)
    scale = whole.width / 96 * per_mm
    top = whole.top * per_mm
    found = [xs.min() / scale, (ys.min() - top) / scale, xs.max() / scale, (ys.max() - top) / scale]
    assert found == pytest.approx([12, 24, 32, 40], abs=0.6)


def test_scores_are_those_of_the_whole_image_or_the_crop_and_the_best_is_bold(
    photos: Path, small_teacher: Path
) -> None:
    path = photos / "coffee0.png"
    hr = read_image(path)
    sr = imresize_bicubic(imresize_bicubic(hr, 1 / 4), 4)
    spec = crops(path, models=("bicubic", str(small_teacher), "HR"))
    words = {item.text: item for item in page_of(spec).items if isinstance(item, Text)}
    for text in (f"{psnr_y(sr, hr, 4):.2f}", f"{ssim_y(sr, hr, 4):.4f}"):
        assert words[text].bold
    assert not words["teacher"].bold
    cut = np.s_[BOX.y : BOX.y + BOX.height, BOX.x : BOX.x + BOX.width]
    page = page_of(crops(path, metrics_of="crop", metrics=("PSNR",)))
    texts = [item.text for item in page.items if isinstance(item, Text)]
    assert f"{psnr_y(sr[cut], hr[cut], 0):.2f}" in texts
    assert "PSNR of the crop" in texts


@pytest.mark.parametrize("suffix", [".png", ".pdf"])
def test_the_embedded_recipe_reproduces_the_bytes(stamped: Path, tmp_path: Path, suffix: str) -> None:
    spec = crops(stamped, models=({"ref": "bicubic", "label": "(cubic) ü\\"}, "HR"), width="9 cm")
    first, second = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    assert write(spec, first) == FigureWritten(first, tmp_path / "a.toml")
    again = read_spec(first)
    assert again == read_spec(tmp_path / "a.toml") == spec
    assert 'image = "stamp.png"' in (tmp_path / "a.toml").read_text(encoding="utf-8")
    write(again, second)
    assert first.read_bytes() == second.read_bytes()


def test_a_pdf_has_images_at_their_own_resolution_and_truetype_text(stamped: Path, tmp_path: Path) -> None:
    write(crops(stamped), tmp_path / "a.pdf")
    data = (tmp_path / "a.pdf").read_bytes()
    assert b"/Width 96" in data
    assert data.count(b"/Width 20") == 2
    assert b"/Type3" not in data
    assert b"/TrueType" in data or b"/CIDFontType2" in data
    assert b"CreationDate" not in data


def test_maps_are_affinity_row_at_the_position(photos: Path, small_teacher: Path) -> None:
    path = photos / "coffee0.png"
    ref = str(small_teacher)
    spec = AffinityFigure.build(image=path, teacher=ref, students=(ref,), layer=2, query=(5, 19))
    inputs = FigureInputs()
    *_, maps = affinity_maps(spec, inputs, CancelToken())
    assert isinstance(maps, AffinityMaps)
    lr = imresize_bicubic(read_image(path), 1 / 4)
    _, taps = load_model(ref).forward_features(tensor_from_image(lr))
    row = affinity_row(taps[2][0].detach(), 5, 19).numpy()
    np.testing.assert_allclose(maps.teacher, row, atol=1e-5)
    assert maps.students[0].sa == pytest.approx(0, abs=1e-6)
    page = page_of(spec, inputs)
    pictures = [item.pixels for item in page.items if isinstance(item, Picture)]
    assert np.array_equal(pictures[1], apply_colour_map(maps.teacher, "bids:inferno", (0, 1)))
    frames = [item for item in page.items if isinstance(item, Frame)]
    assert frames
    for frame in frames:
        half = frame.points * MM_PER_POINT / 2
        assert half - 1e-9 <= frame.rect.left
        assert frame.rect.right <= page.width - half + 1e-9


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"regions": (Box(90, 0, 10, 10),)}, "96x64 HR pixels"),
        ({"models": ("nothing-like-it",)}, "no model 'nothing-like-it'"),
        ({"scale": 2, "models": ("rcan-g5-r1-c32-x4-fakd",)}, "x4 network"),
        ({"image_is": "lr"}, "no HR"),
        ({"width": "wide"}, "width"),
        ({"regions": ()}, "regions"),
        ({"width": 30, "models": ("bicubic",) * 12, "columns": 12}, "fewer columns"),
    ],
)
def test_what_cannot_be_drawn_is_reported_in_one_line(
    stamped: Path, changes: dict[str, object], reason: str
) -> None:
    with pytest.raises(ConfigError, match=reason) as caught:
        page_of(crops(stamped, **changes))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", [".", "figure", "figure.svg"])
def test_a_figure_is_a_png_or_a_pdf(stamped: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=r"expected a file that ends in \.png or \.pdf"):
        list(draw(crops(stamped), Path(name)))


@pytest.mark.parametrize(
    ("written", "recipe"),
    [
        (rb"a (b) c", "a (b) c"),
        (rb"a \(b c", "a (b c"),
        (rb"\050\n\tx", "(\n\tx"),
        (b"\xfe\xff\x00a\x03\xb1", "aα"),
    ],
)
def test_the_recipe_of_a_pdf_is_read_as_any_tool_writes_it(
    tmp_path: Path, written: bytes, recipe: str
) -> None:
    file = tmp_path / "resaved.pdf"
    file.write_bytes(b"%PDF-1.4 << /Keywords (old) >> << /Keywords (" + written + b") /Title (t) >>")
    assert read_embedded(file) == recipe


def test_maps_of_another_position_are_not_kept(photos: Path, small_teacher: Path) -> None:
    inputs = FigureInputs()
    spec = AffinityFigure.build(
        image=next(photos.iterdir()),
        teacher=str(small_teacher),
        students=(str(small_teacher),),
        layer=3,
        query=(2, 2),
    )
    image, cancel = inputs.source_image(spec), CancelToken()
    for top in (0, 2, 4):
        window = Window(top, 0, 8, 8)
        maps = inputs.features(image, str(small_teacher), window=window, cancel=cancel)
        assert inputs.features(image, str(small_teacher), window=window, cancel=cancel) is maps
    assert [key for key in inputs._results if key[0] == "features"] == [
        ("features", str(small_teacher), Window(4, 0, 8, 8))
    ]


def test_a_file_other_than_a_recipe_is_not_overwritten(stamped: Path, tmp_path: Path) -> None:
    settings = tmp_path / "a.toml"
    settings.write_text('student = "x"\n')
    with pytest.raises(FakdError, match=r"no figure's recipe"):
        write(crops(stamped), tmp_path / "a.png")
    assert settings.read_text() == 'student = "x"\n'
    assert not (tmp_path / "a.png").exists()


def test_progress_counts_models_and_a_cancelled_token_stops_before_the_next(
    stamped: Path, tmp_path: Path
) -> None:
    token, out = CancelToken(), tmp_path / "a.png"
    drawing = draw(crops(stamped), out, cancel=token)
    assert next(drawing) == Progress(0, 2, "Bicubic")
    assert next(drawing) == Progress(1, 2, "HR")
    token.cancel()
    with pytest.raises(Cancelled):
        next(drawing)
    assert list(tmp_path.iterdir()) == [stamped]


def test_the_command_line_of_a_figure_leaves_out_defaults(stamped: Path) -> None:
    models = ({"ref": "bicubic", "label": "my cubic"}, "HR")
    spec = crops(stamped, models=models, metrics=(), columns=2, width="9 cm", font="serif")
    words = shlex.split(spec_command(spec))
    assert words[:3] == ["fakd", "figure", str(stamped)]
    assert words[3:7] == ["--model", "my cubic=bicubic", "--model", "HR"]
    options = dict(zip(words[7::2], words[8::2], strict=True))
    box = ",".join(map(str, BOX))
    assert options == {
        "--roi": box, "--metrics": "none", "--columns": "2", "--scale": "4", "--width": "90 mm",
        "--font": "serif", "--out": "stamp-figure.png",
    }  # fmt: skip
