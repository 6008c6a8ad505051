"""The examples in the docstrings of what other programs use are run, and say what they print."""

from __future__ import annotations

import doctest
import inspect
from collections.abc import Callable
from typing import Any

import pytest

import fakd_core
from fakd_core.data.resize import imresize_bicubic
from fakd_core.distillation.affinity import affinity_row
from fakd_core.distillation.loss import DistillationLoss
from fakd_core.evaluation.metrics import psnr_y, ssim_y
from fakd_core.inference.upscale import upscale

DOCUMENTED: tuple[Callable[..., Any], ...] = (
    *(fakd_core.load_model, fakd_core.create_model, fakd_core.list_architectures),
    *(DistillationLoss, psnr_y, ssim_y, imresize_bicubic, upscale, affinity_row),
)


@pytest.mark.parametrize("documented", DOCUMENTED, ids=lambda documented: documented.__name__)
def test_example(documented: Callable[..., Any]) -> None:
    text = inspect.getdoc(documented) or ""
    # Without the names of its module: a reader has to be able to type it in.
    example = doctest.DocTestParser().get_doctest(text, {}, documented.__name__, None, None)
    assert example.examples, "no example"
    told: list[str] = []
    result = doctest.DocTestRunner(optionflags=doctest.FAIL_FAST).run(example, out=told.append)
    assert result.failed == 0, "".join(told)
