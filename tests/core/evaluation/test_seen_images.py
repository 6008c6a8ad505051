"""Scores on images that a model was trained on, or chosen by, are marked wherever they go."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_runs import STUDENT, run

from fakd_core import create_model, load_model
from fakd_core.cli import main
from fakd_core.data.datasets import fingerprints_at, image_fingerprint, open_dataset
from fakd_core.data.image_files import read_image, write_image
from fakd_core.errors import CheckpointError
from fakd_core.evaluation import report_export
from fakd_core.evaluation.evaluate import collect_results, evaluate
from fakd_core.evaluation.report import SEEN, Column, Kind, Report, Row, SetInfo
from fakd_core.evaluation.results import Cell, EvalSet, ImageResult, Result, seen_sentence, to_csv, to_json
from fakd_core.export.checkpoints import Exported, export_model
from fakd_core.models.initialization import copy_matching_layers
from fakd_core.models.seen_images import merge_seen

SHORT = {"student": STUDENT, "steps": 1, "validate_every": 1, "batch": 2, "patch": 12}


@pytest.fixture(scope="module")
def trained(photos: Path, small_teacher: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that trained on four of the photos, and held two out for validation."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    run({**SHORT, "teacher": str(small_teacher), "train_data": photos, "run": folder, "val_images": 2})
    return folder


@pytest.fixture(scope="module")
def mixed(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All the photos in other files under other names, and one image more."""
    folder = tmp_path_factory.mktemp("sets") / "mixed"
    folder.mkdir()
    for number, path in enumerate(sorted(photos.glob("*.*"))):
        write_image(folder / f"{number}.png", read_image(path))
    write_image(folder / "new.png", 255 - read_image(folder / "0.png"))
    return folder


def test_a_student_knows_its_images_under_any_name(trained: Path, mixed: Path) -> None:
    (result,) = collect_results(evaluate([str(trained)], [mixed]))
    assert result.seen == {"training": 4, "validation": 2}
    assert [image.name for image in result.per_image if not image.seen] == ["new"]
    assert result.unseen is not None
    assert (result.unseen.images, result.unseen.psnr_y) == (1, result.per_image[-1].psnr_y)
    assert seen_sentence(result, "S").startswith(
        "S was trained on 4 and chosen by its scores on 2 of the 7 images of mixed; on the other one PSNR "
    )


def test_validation_images_of_their_own_are_known(settings: dict[str, Any], mixed: Path) -> None:
    run({**settings, **SHORT, "val_data": mixed, "val_images": 7})
    (result,) = collect_results(evaluate([str(settings["run"])], [mixed]))
    # Training counts more where an image served for both.
    assert result.seen == {"training": 6, "validation": 1}
    assert result.unseen is None
    assert seen_sentence(result, "S").endswith("of the 7 images of mixed: no score on unseen images")


def test_students_of_students_and_exported_ones_know_too(trained: Path, mixed: Path, tmp_path: Path) -> None:
    exported = tmp_path / "student.safetensors"
    assert main(["export", str(trained), "--to", str(exported)]) == 0
    *_, end = export_model(str(trained), tmp_path / "student.pth")
    assert isinstance(end, Exported)
    assert "a .pth doesn't hold which images the network learned from" in end.note
    seen = load_model(exported).seen_images
    assert sorted(seen.values()) == ["training"] * 4 + ["validation"] * 2
    other = tmp_path / "other"
    write_image(other / "a.png", read_image(mixed / "new.png"))
    write_image(other / "b.png", read_image(mixed / "new.png")[::-1])
    run({**SHORT, "student": str(exported), "train_data": other, "run": tmp_path / "second", "val_images": 1})
    tuned = load_model(tmp_path / "second").seen_images
    assert tuned == merge_seen(seen, tuned)
    assert len(tuned) == 8


def test_weights_copied_from_the_teacher_bring_its_images(small_teacher: Path) -> None:
    teacher = load_model(small_teacher)
    teacher.seen_images = {"0123456789ab": "training"}
    student = create_model("rcan", n_feats=8, n_resgroups=1, n_resblocks=1, reduction=4)
    student.seen_images = {"0123456789ab": "validation", "ba9876543210": "validation"}
    assert copy_matching_layers(student, teacher)
    assert student.seen_images == {"0123456789ab": "training", "ba9876543210": "validation"}


def test_images_seen_at_another_scale_are_known(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (27, 31, 3), dtype=np.uint8)
    write_image(tmp_path / "a.png", image)
    for scale in (2, 3, 4, 8):
        seen = image_fingerprint(open_dataset(tmp_path, scale).load(0).hr)
        for other in (2, 3, 4, 8):
            assert seen in fingerprints_at((2, 3, 4, 8), open_dataset(tmp_path, other).load(0))


def test_fingerprints_tell_sizes_and_pixels_apart() -> None:
    image = torch.arange(48, dtype=torch.uint8).reshape(4, 4, 3).numpy()
    others = [image[::-1], image.reshape(2, 8, 3), image[:, ::-1]]
    assert len({image_fingerprint(one) for one in (image, *others)}) == 4
    assert image_fingerprint(image.copy(order="F")) == image_fingerprint(image)


def test_damaged_fingerprints_are_one_line(small_teacher: Path, tmp_path: Path) -> None:
    path = tmp_path / "damaged.safetensors"
    save_file(load_file(small_teacher), path, {"fakd_seen_images": '{"testing": 3}'})
    with pytest.raises(CheckpointError, match="its list of training images makes no sense"):
        load_model(path)


def test_the_command_says_so_in_a_line_in_json_and_in_the_table(
    trained: Path, mixed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "scores.csv"
    command = ["evaluate", "--model", str(trained), "--model", "bicubic", "--data", str(mixed)]
    assert main([*command, "--json", "--csv", str(table)]) == 0
    out, err = capsys.readouterr()
    assert err.count("note: ") == 1
    assert "was trained on 4 and chosen by its scores on 2 of the 7 images of mixed" in err
    student, bicubic = json.loads(out)["results"]
    assert student["seen"] == {"training": 4, "validation": 2}
    assert student["unseen"]["images"] == 1
    assert [image.get("seen") for image in student["per_image"]].count("training") == 4
    assert not {"seen", "unseen"} & {*bicubic, *bicubic["per_image"][0]}
    uses = [row["seen"] for row in csv.DictReader(io.StringIO(table.read_text()))]
    assert (uses.count("training"), uses.count("validation")) == (4, 2)
    assert main(command) == 0
    out, _ = capsys.readouterr()
    assert out.count(SEEN) == 2


def result(model: str, psnr: float, *uses: str) -> Result:
    images = tuple(
        ImageResult(str(number), psnr + number, 0.9, 0.1, seen=use)  # type: ignore[arg-type]
        for number, use in enumerate(uses)
    )
    return Result(model, "Set5", 4, len(uses), psnr, 0.9, images)


@pytest.fixture
def report() -> Report:
    rows = [Row("teacher", "teacher"), Row("fakd", "fakd"), Row("plain", "plain"), Row("tuned", "tuned")]
    report = Report(rows, "teacher")
    on = EvalSet("/sets/Set5", 4)
    results = [
        result("teacher", 33.0, "", ""),
        result("fakd", 34.0, "training", ""),
        result("plain", 31.0, "", ""),
        result("tuned", 32.0, "validation", "validation"),
    ]
    for one in results:
        report.results[Cell(one.model, on)] = one
    report.sets = {on: SetInfo("Set5", 2)}
    return report


def test_seen_cells_are_marked_with_the_unseen_mean_beside(report: Report) -> None:
    (on,) = report.sets
    psnr, seconds = Column(Kind.PSNR, on), Column(Kind.SECONDS, on)
    remarks = {ref: report.remark(row, psnr) for ref, row in report.rows.items()}
    assert remarks == {"teacher": "", "fakd": f"{SEEN} (35.000)", "plain": "", "tuned": SEEN}
    assert report.remark(report.rows["fakd"], Column(Kind.GAP, on)) == ""  # no baseline, no value
    assert report.remark(report.rows["fakd"], Column(Kind.DELTA, on)) == SEEN
    assert report.remark(report.rows["fakd"], seconds) == ""


def test_scores_on_training_images_are_never_best(report: Report) -> None:
    (on,) = report.sets
    marks = {ref: report.mark(row, Column(Kind.PSNR, on)) for ref, row in report.rows.items()}
    assert marks == {"teacher": None, "fakd": None, "plain": None, "tuned": "best"}


def test_exports_carry_the_marks_and_a_note(report: Report) -> None:
    selection = report_export.Selection(report, list(report.rows.values()), report.columns([Kind.PSNR]))
    note = (
        f"{SEEN} fakd was trained on 1 of the 2 images of Set5; on the other one PSNR 35.000 dB, SSIM 0.9000"
    )
    markdown, latex = report_export.to_markdown(selection), report_export.to_latex(selection)
    assert f"| fakd | 34.000{SEEN} (35.000) |" in markdown
    assert r"34.000\textsuperscript{\textdagger} (35.000)" in latex
    assert note in markdown
    assert f"% {note}" in latex
    rows = {row["model"]: row for row in csv.DictReader(io.StringIO(report_export.to_csv(selection)))}
    names = ("seen_images", "psnr_y_db_unseen", "ssim_y_unseen")
    assert [rows["fakd"][name] for name in names] == ["1", "35.0", "0.9"]
    assert [rows["tuned"][name] for name in names] == ["2", "", ""]
    per_image = csv.DictReader(io.StringIO(report_export.to_csv_per_image(selection)))
    assert [row["seen"] for row in per_image if row["model"] == "fakd"] == ["training", ""]


def test_infinite_means_of_unseen_images_are_valid_json() -> None:
    document = to_json([result("one", float("inf"), "training", "")])
    assert json.loads(json.dumps(document, allow_nan=False))["results"][0]["unseen"]["psnr_y"] is None
    assert "training" in to_csv([result("one", float("inf"), "training", "")])
