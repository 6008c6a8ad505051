"""The paper's scores, against a few copied from its tables by hand."""

from __future__ import annotations

import pytest

from fakd_core.evaluation.published import NETWORKS, SETS, published_scores, published_set


@pytest.mark.parametrize(
    ("name", "scale", "network", "psnr", "ssim"),
    [
        ("Set5", 4, "RCAN student with FAKD", 32.462, 0.8982),
        ("Set14", 2, "SAN teacher", 34.070, 0.9213),
        ("B100", 3, "SAN student", 29.140, 0.8066),
        ("Urban100", 8, "RCAN teacher", 22.978, 0.6441),
    ],
)
def test_scores_belong_to_their_network(
    name: str, scale: int, network: str, psnr: float, ssim: float
) -> None:
    found = {of.name: score for of, score in published_scores(name, scale).items()}
    assert (found[network].psnr, found[network].ssim) == (psnr, ssim)


def test_every_teacher_is_above_its_students_and_fakd_above_the_baseline() -> None:
    for name in SETS:
        for scale in (2, 3, 4, 8):
            scores = published_scores(name, scale)
            assert list(scores) == list(NETWORKS)
            for baseline, fakd, teacher in (list(scores.values())[:3], list(scores.values())[3:]):
                assert baseline.psnr < fakd.psnr < teacher.psnr


def test_other_sets_and_scales_have_none() -> None:
    assert published_scores("samples", 4) == {}
    assert published_scores("Set5", 5) == {}


def test_a_set_is_recognised_by_its_other_names() -> None:
    assert [published_set(name) for name in ("BSD100", "set5", "urban100", "mine")] == [
        "B100",
        "Set5",
        "Urban100",
        None,
    ]
