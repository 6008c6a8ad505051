"""Reading and writing images, MATLAB's bicubic, luma."""

from __future__ import annotations

import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image, ImageFile

from fakd_core.data.image_files import image_size, read_image, read_picture, write_image
from fakd_core.data.image_formats import IMAGE_FORMATS, IMAGE_SUFFIXES, OTHER_IMAGE_SUFFIXES
from fakd_core.data.resize import imresize_bicubic, modcrop
from fakd_core.errors import ConfigError, DataError
from fakd_core.evaluation.metrics import rgb_to_y

Shared = Callable[[str], Path]
RGB = np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)


def saved(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)  # type: ignore[arg-type]
    return path


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif", ".webp", ".ppm"])
def test_lossless_formats_come_back_unchanged(tmp_path: Path, suffix: str) -> None:
    options = {"lossless": True} if suffix == ".webp" else {}
    assert np.array_equal(read_image(saved(tmp_path / f"a{suffix}", Image.fromarray(RGB), **options)), RGB)


def test_result_is_writable_contiguous_uint8(tmp_path: Path) -> None:
    img = read_image(saved(tmp_path / "a.png", Image.fromarray(RGB)))
    assert img.dtype == np.uint8
    assert img.flags.writeable
    assert img.flags.c_contiguous


def test_exif_orientation_is_applied(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # stored turned; a viewer rotates it by 90 degrees clockwise
    path = saved(tmp_path / "a.png", Image.fromarray(RGB), exif=exif)
    upright = read_image(path)
    assert np.array_equal(upright, np.rot90(RGB, -1))
    assert image_size(path) == (upright.shape[1], upright.shape[0])


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif", ".webp"])
def test_the_size_is_known_without_decoding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    path = saved(tmp_path / f"a{suffix}", Image.fromarray(RGB))
    monkeypatch.setattr(ImageFile.ImageFile, "load", None)
    assert image_size(path) == (9, 6)


def test_grey_one_bit_and_palette_become_rgb(tmp_path: Path) -> None:
    grey = RGB[:, :, 0]
    assert np.array_equal(
        read_image(saved(tmp_path / "l.png", Image.fromarray(grey))), np.repeat(grey[..., None], 3, axis=2)
    )
    bits = Image.fromarray(((grey > 127) * 255).astype(np.uint8)).convert("1", dither=Image.Dither.NONE)
    assert np.array_equal(read_image(saved(tmp_path / "b.png", bits))[..., 1], (grey > 127) * np.uint8(255))
    palette = Image.fromarray(RGB).quantize(54)
    assert np.array_equal(read_image(saved(tmp_path / "p.png", palette)), np.array(palette.convert("RGB")))


def test_opaque_alpha_changes_nothing(tmp_path: Path) -> None:
    opaque = np.dstack([RGB, np.full(RGB.shape[:2], 255, np.uint8)])
    assert np.array_equal(read_image(saved(tmp_path / "a.png", Image.fromarray(opaque))), RGB)


def test_transparency_shows_a_white_page(tmp_path: Path) -> None:
    alpha = np.zeros(RGB.shape[:2], np.uint8)
    alpha[0, 0], alpha[0, 1] = 255, 128
    img = read_image(saved(tmp_path / "a.png", Image.fromarray(np.dstack([RGB, alpha]))))
    assert np.array_equal(img[0, 0], RGB[0, 0])
    half = RGB[0, 1] * (128 / 255) + 255 * (127 / 255)
    assert np.abs(img[0, 1] - half).max() <= 1
    assert (img[1:] == 255).all()


@pytest.mark.parametrize("mode", ["LA", "P", "L", "RGB"])
def test_every_kind_of_transparency_is_seen(tmp_path: Path, mode: str) -> None:
    grey = Image.fromarray(np.array([[10, 200]], np.uint8))
    if mode == "LA":
        path = saved(
            tmp_path / "a.png", Image.merge("LA", (grey, Image.fromarray(np.array([[0, 255]], np.uint8))))
        )
    elif mode == "P":
        palette = grey.convert("P")
        path = saved(tmp_path / "a.png", palette, transparency=palette.getpixel((0, 0)))
    else:
        key = 10 if mode == "L" else (10, 10, 10)
        path = saved(tmp_path / "a.png", grey.convert(mode), transparency=key)
    assert read_image(path).tolist() == [[[255] * 3, [200] * 3]]


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bit_grey_is_scaled_and_rounded(tmp_path: Path, suffix: str) -> None:
    values = np.array([[0, 128, 129, 257 * 77, 65535 - 129, 65535]], np.uint16)
    img = read_image(saved(tmp_path / f"a{suffix}", Image.fromarray(values)))
    assert img[0, :, 0].tolist() == [0, 0, 1, 77, 254, 255]


def test_transparent_level_of_sixteen_bit_grey_is_white(tmp_path: Path) -> None:
    rows = b"\0" + np.array([300, 2570], ">u2").tobytes()
    path = tmp_path / "a.png"
    path.write_bytes(png(2, 1, 16, 0, rows, key=struct.pack(">H", 300)))
    assert read_image(path)[0, :, 0].tolist() == [255, 10]


@pytest.mark.parametrize(("colour", "channels"), [(2, 3), (4, 2), (6, 4)])
def test_sixteen_bits_are_rounded_rather_than_cut_off(tmp_path: Path, colour: int, channels: int) -> None:
    values = np.random.default_rng(1).integers(0, 65536, (4, 5, channels), dtype=np.uint16)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    path = tmp_path / "a.png"
    path.write_bytes(png(5, 4, 16, colour, rows))
    picture, rounded = read_picture(path), np.rint(values / 257)
    assert (picture.rgb == rounded[..., : 1 if channels == 2 else 3]).all()
    if channels != 3:
        assert (picture.alpha == rounded[..., -1]).all()
    assert picture.is_grey is (channels == 2)


def test_transparent_colour_of_sixteen_bits_is_compared_exactly(tmp_path: Path) -> None:
    values = np.array([[[257, 0, 9], [258, 0, 9]]], ">u2")
    path = tmp_path / "a.png"
    path.write_bytes(png(2, 1, 16, 2, b"\0" + values.tobytes(), key=values[0, 0].tobytes()))
    picture = read_picture(path)
    assert picture.alpha is not None
    assert (picture.alpha.tolist(), picture.rgb[0, 1].tolist()) == ([[0, 255]], [1, 0, 0])


@pytest.mark.parametrize("read", [read_image, image_size])
def test_a_path_may_be_a_string(tmp_path: Path, read: Callable[[str], object]) -> None:
    write_image(str(tmp_path / "a.png"), RGB)
    read(str(tmp_path / "a.png"))
    with pytest.raises(DataError, match="no such file"):
        read("absent.png")


def test_every_suffix_of_a_decoder_that_is_used_is_known() -> None:
    Image.init()
    known = {suffix for suffix, kind in Image.registered_extensions().items() if kind in IMAGE_FORMATS}
    floats = {".pfm"}
    assert known - floats <= IMAGE_SUFFIXES
    assert not IMAGE_SUFFIXES & OTHER_IMAGE_SUFFIXES


def test_cmyk_becomes_rgb(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.tif", Image.new("CMYK", (3, 2), (0, 255, 255, 0)))
    assert (read_image(path) == [255, 0, 0]).all()


def test_camera_multi_picture_jpeg_gives_the_main_picture(tmp_path: Path) -> None:
    main, second = Image.new("RGB", (16, 16), (250, 0, 0)), Image.new("RGB", (8, 8))
    img = read_image(saved(tmp_path / "a.jpg", main, format="MPO", save_all=True, append_images=[second]))
    assert img.shape == (16, 16, 3)
    assert img[0, 0, 0] > 240


def test_unusable_files_are_named_with_reason_and_advice(tmp_path: Path) -> None:
    whole = saved(tmp_path / "whole.png", Image.fromarray(np.tile(RGB, (20, 20, 1)))).read_bytes()
    frames = [Image.new("L", (4, 4), value) for value in (0, 255)]
    cases = {
        "text.png": (b"not an image", "no image format"),
        "empty.png": (b"", "an empty file"),
        "cut.png": (whole[: len(whole) // 2], "damaged"),
        "bomb.png": (png(60_000, 60_000, 8, 2, b""), "pixels"),
        "large.png": (png(20_000, 10_001, 8, 2, b""), "pixels"),
        "photo_x4.png": (png(16_128, 12_096, 8, 2, b""), "damaged"),
    }
    for name, (content, reason) in cases.items():
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(DataError, match=reason) as caught:
            read_image(path)
        assert name in str(caught.value)
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(DataError, match=r"folder\.png.*found a folder"):
        read_image(tmp_path / "folder.png")
    with pytest.raises(DataError, match="no such file"):
        read_image(tmp_path / "absent.png")
    with pytest.raises(DataError, match="2 frames"):
        read_image(saved(tmp_path / "a.gif", frames[0], save_all=True, append_images=frames[1:]))
    with pytest.raises(DataError, match="floating-point"):
        read_image(saved(tmp_path / "f.tif", Image.fromarray(np.ones((4, 4), np.float32))))
    with pytest.raises(DataError, match="16-bit"):
        read_image(saved(tmp_path / "i.tif", Image.fromarray(np.full((4, 4), 70_000, np.int32))))


def png(width: int, height: int, depth: int, colour: int, rows: bytes, key: bytes = b"") -> bytes:
    """A PNG file made by hand, for what Pillow can't write; `key` is the transparent colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    transparency = chunk(b"tRNS", key) if key else b""
    data = chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + header + transparency + data + chunk(b"IEND", b"")


def test_writing_makes_folders_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.png"
    write_image(path, RGB)
    write_image(path, RGB[::-1].copy())
    assert np.array_equal(read_image(path), RGB[::-1])
    assert [item.name for item in path.parent.iterdir()] == ["a.png"]


def test_writing_refuses_what_is_not_an_8_bit_image(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="float32"):
        write_image(tmp_path / "a.png", RGB.astype(np.float32))  # type: ignore[arg-type]
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="can't write"):
        write_image(tmp_path / "file" / "a.png", RGB)


@pytest.mark.parametrize("suffix", [".png", ".PNG", ".webp", ".tif", ".bmp"])
def test_lossless_formats_keep_every_pixel(tmp_path: Path, suffix: str) -> None:
    write_image(tmp_path / f"a{suffix}", RGB)
    assert np.array_equal(read_image(tmp_path / f"a{suffix}"), RGB)


def test_a_jpeg_keeps_full_chroma(tmp_path: Path) -> None:
    colours = np.tile(np.array([[[255, 0, 0], [0, 0, 255]]], np.uint8), (16, 8, 1))
    write_image(tmp_path / "a.jpg", colours)
    assert abs(read_image(tmp_path / "a.jpg").astype(int) - colours).mean() < 5


@pytest.mark.parametrize("channels", [(), (1,), (2,), (4,)])
def test_grey_and_transparency_are_written_as_they_are(tmp_path: Path, channels: tuple[int, ...]) -> None:
    img = np.random.default_rng(2).integers(0, 255, (6, 9, *channels), dtype=np.uint8)
    for suffix in (".png", ".tif"):
        write_image(tmp_path / f"a{suffix}", img)
        picture = read_picture(tmp_path / f"a{suffix}")
        colours = picture.rgb if channels == (4,) else picture.rgb[..., :1].reshape(6, 9)
        assert np.array_equal(colours, img[..., :3] if channels == (4,) else img.reshape(6, 9, -1)[..., 0])
        assert picture.is_grey is (channels != (4,))
        assert (
            picture.alpha is None if channels in ((), (1,)) else np.array_equal(picture.alpha, img[..., -1])
        )


def test_what_a_format_cannot_hold_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.jpg: \.jpg has no transparency"):
        write_image(tmp_path / "a.jpg", np.zeros((4, 4, 4), np.uint8))
    for name, width, most in (("a.webp", 20_000, "16,383"), ("a.jpg", 65_536, "65,535")):
        with pytest.raises(DataError, match=rf"{width}x1 is too large for .* {most} pixels"):
            write_image(tmp_path / name, np.zeros((1, width, 3), np.uint8))


def test_a_jpeg_is_of_quality_95(tmp_path: Path) -> None:
    write_image(tmp_path / "a.jpg", RGB)
    Image.fromarray(RGB).save(tmp_path / "b.jpg", quality=95, subsampling=0)
    with Image.open(tmp_path / "a.jpg") as mine, Image.open(tmp_path / "b.jpg") as expected:
        assert mine.quantization == expected.quantization  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["a.gif", "a", "a.txt"])
def test_other_formats_are_refused_by_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=r"expected a name that ends in \.png"):
        write_image(tmp_path / name, RGB)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("scale", [2, 3, 4, 8])
@pytest.mark.parametrize("name", ["Set5", "Set14"])
def test_bicubic_equals_every_matlab_pixel(shared: Shared, name: str, scale: int) -> None:
    root = shared(f"data/benchmark/{name}")
    files = sorted((root / "HR").iterdir())
    assert len(files) == {"Set5": 5, "Set14": 14}[name]
    for path in files:
        expected = read_image(root / f"LR_bicubic/X{scale}" / f"{path.stem}x{scale}.png")
        made = imresize_bicubic(modcrop(read_image(path), scale), 1 / scale)
        assert np.array_equal(made, expected), path.name


def test_bicubic_of_a_constant_is_constant_and_sizes_round_up() -> None:
    flat = np.full((7, 10, 3), 93, np.uint8)
    assert (imresize_bicubic(flat, 1 / 4) == 93).all()
    assert imresize_bicubic(flat, 1 / 4).shape == (2, 3, 3)
    assert imresize_bicubic(flat, 3).shape == (21, 30, 3)
    assert np.array_equal(imresize_bicubic(RGB, 1), RGB)
    assert imresize_bicubic(RGB[:1, :1], 8).shape == (8, 8, 3)


@given(
    hnp.arrays(np.uint8, st.tuples(st.integers(4, 20), st.integers(4, 20), st.just(3))),
    st.sampled_from([1 / 4, 1 / 3, 1 / 2, 2, 4]),
)
@settings(deadline=None)
def test_bicubic_commutes_with_mirroring(img: np.ndarray, factor: float) -> None:
    if factor < 1:
        img = modcrop(img, round(1 / factor))
    made = imresize_bicubic(img, factor)
    # A sum taken in the other direction may fall on the other side of one half.
    flipped = imresize_bicubic(img[::-1, ::-1].copy(), factor)[::-1, ::-1]
    assert np.abs(made.astype(int) - flipped).max() <= 1


@pytest.mark.parametrize("factor", [0, -2, 1.5, 0.4, float("nan"), float("inf")])
def test_bicubic_refuses_other_factors(factor: float) -> None:
    with pytest.raises(ConfigError, match="whole number"):
        imresize_bicubic(RGB, factor)


def test_modcrop_cuts_bottom_and_right() -> None:
    assert np.array_equal(modcrop(RGB, 4), RGB[:4, :8])
    with pytest.raises(DataError, match="too small"):
        modcrop(RGB, 8)


def test_luma_is_matlabs_and_not_rounded() -> None:
    colours = np.array([[0, 0, 0], [255, 255, 255], [255, 0, 0], [1, 0, 0]], np.uint8)
    assert rgb_to_y(colours) == pytest.approx([16, 235, 81.481, 16 + 65.481 / 255], abs=1e-9)


def test_an_image_too_large_is_one_error_and_no_warning(tmp_path: Path) -> None:
    Image.new("1", (20_000, 10_001)).save(tmp_path / "huge.png")
    with pytest.raises(DataError, match="20000x10001 is more than"):
        read_image(tmp_path / "huge.png")


def test_pillow_is_not_touched_before_the_first_image(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", Image.fromarray(RGB))
    code = (
        "import logging, sys\n"
        "from pathlib import Path\n"
        "from PIL import Image\n"
        "def state(): return Image.MAX_IMAGE_PIXELS, len(logging.getLogger('PIL').handlers)\n"
        "limit = Image.MAX_IMAGE_PIXELS\n"
        "from fakd_core.data.image_files import MAX_PIXELS, read_image\n"
        "assert state() == (limit, 0)\n"
        "read_image(Path(sys.argv[1])), read_image(Path(sys.argv[1]))\n"
        "assert state() == (MAX_PIXELS, 1)\n"
    )
    command = [sys.executable, "-c", code, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
