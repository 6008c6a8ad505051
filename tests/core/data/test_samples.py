"""The bundled sample images."""

from __future__ import annotations

from pathlib import Path

from fakd_core.assets import assets_dir
from fakd_core.data.folders import resolve_data, sample_images
from fakd_core.data.image_files import read_image

TERMS = (assets_dir() / "samples" / "README.md").read_text(encoding="utf-8")


def test_the_name_stands_for_the_bundled_folder_and_nothing_else_does(tmp_path: Path) -> None:
    bundled = assets_dir() / "samples"
    assert resolve_data("samples") == resolve_data(Path("samples")) == bundled
    assert resolve_data(tmp_path / "samples") == tmp_path / "samples"
    assert resolve_data("photos") == Path("photos")


def test_there_are_enough_samples_to_hold_some_out_for_validation() -> None:
    assert len(sample_images()) >= 7


def test_every_sample_is_large_enough_for_a_paper_patch_and_its_licence_is_stated() -> None:
    for path in sample_images():
        height, width, channels = read_image(path).shape
        assert min(height, width) >= 48 * 4, path.name
        assert channels == 3
        assert f"`{path.name}`" in TERMS


def test_samples_stay_small() -> None:
    assert sum(path.stat().st_size for path in sample_images()) < 6_000_000
