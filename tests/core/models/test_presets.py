"""Presets, the syntax of sizes, and students initialised from their teacher."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_networks import SCALES, SMALL, lively

from fakd_core.errors import ConfigError
from fakd_core.models.architecture import evenly_spaced
from fakd_core.models.factory import create_model
from fakd_core.models.initialization import copy_matching_layers
from fakd_core.models.presets import PRESETS, parse_sizes, preset_spec
from fakd_core.models.spec import ModelSpec


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_valid_at_every_scale(name: str) -> None:
    assert PRESETS[name].description
    for scale in SCALES:
        spec = preset_spec(name, scale)
        assert isinstance(spec, ModelSpec)
        assert spec.scale == scale


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("rcan:n_feats", "name=value"),
        ("rcan:n_feats=", "name=value"),
        ("rcan:n_feats=many", "whole number"),
        ("rcan:n_feats=16,n_feats=32", "twice"),
        ("rcan:scale=2", "scale"),
        ("rcan:taps=3", "3/7"),
        ("rcan:colour=red", "no setting colour"),
    ],
)
def test_malformed_sizes(text: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        parse_sizes(text, scale=4)


def test_unknown_preset_lists_the_presets() -> None:
    with pytest.raises(ConfigError, match="rcan-paper-student"):
        preset_spec("rcan-huge", scale=4)


@pytest.mark.parametrize(("count", "of"), [(6, 20), (1, 1), (5, 5), (3, 10), (2, 9)])
def test_evenly_spaced_is_increasing_and_reaches_both_ends(count: int, of: int) -> None:
    chosen = [evenly_spaced(index, count, of) for index in range(count)]
    assert chosen[0] == 0
    assert chosen[-1] == of - 1
    assert chosen == sorted(set(chosen))


TRANSFERS = {
    # student sizes, teacher sizes, {student key: teacher key}, a key that must stay
    "rcan": (
        {"n_resgroups": 2, "n_resblocks": 1},
        {"n_resgroups": 3, "n_resblocks": 2},
        {
            "body.1.body.0.body.0": "body.2.body.0.body.0",
            "body.1.body.1": "body.2.body.2",
            "body.2": "body.3",
        },
    ),
    "san": (
        {"n_resgroups": 2, "n_resblocks": 1},
        {"n_resgroups": 3, "n_resblocks": 2},
        {"RG.1.rcab.0.conv_first.0": "RG.2.rcab.0.conv_first.0", "RG.1.conv_last": "RG.2.conv_last"},
    ),
    "edsr": (
        {"n_resblocks": 2},
        {"n_resblocks": 3},
        {"body.1.body.0": "body.2.body.0", "body.2": "body.3", "head.0": "head.0"},
    ),
}


@pytest.mark.parametrize("name", TRANSFERS)
def test_a_student_is_initialised_from_its_teachers_layers(name: str) -> None:
    shallow, deep, pairs = TRANSFERS[name]
    student = create_model(name, **{**SMALL[name], **shallow})
    teacher = create_model(name, **{**SMALL[name], **deep})
    assert copy_matching_layers(student, teacher) == len(student.state_dict())
    ours, theirs = student.state_dict(), teacher.state_dict()
    for key, original in {**pairs, "tail.1": "tail.1"}.items():
        assert torch.equal(ours[f"{key}.weight"], theirs[f"{original}.weight"])
        assert ours[f"{key}.weight"].data_ptr() != theirs[f"{original}.weight"].data_ptr()


@pytest.mark.parametrize("name", TRANSFERS)
def test_layers_without_a_counterpart_keep_their_weights(name: str) -> None:
    shallow, deep, _ = TRANSFERS[name]
    student = create_model(name, **{**SMALL[name], **deep, "scale": 3})
    teacher = create_model(name, **{**SMALL[name], **shallow})
    before = {key: tensor.clone() for key, tensor in student.state_dict().items()}
    copied = copy_matching_layers(student, teacher)
    after = student.state_dict()
    changed = [key for key in after if not torch.equal(after[key], before[key])]
    assert 0 < len(changed) <= copied < len(after)
    assert torch.equal(after["tail.0.0.weight"], before["tail.0.0.weight"])


@settings(max_examples=4, deadline=None)
@given(name=st.sampled_from(["edsr", "rcan", "san"]))
def test_a_copy_of_equal_depth_is_the_teacher_itself(name: str) -> None:
    student, teacher = create_model(name, **SMALL[name]), lively(create_model(name, **SMALL[name]))
    copy_matching_layers(student, teacher)
    lr = torch.rand(1, 3, 6, 6)
    with torch.no_grad():
        assert torch.equal(student.eval()(lr), teacher(lr))


def test_different_networks_do_not_share_layers() -> None:
    student = create_model("edsr", **SMALL["edsr"])
    with pytest.raises(ConfigError, match="student edsr with 8, teacher edsr with 12"):
        copy_matching_layers(student, create_model("edsr", n_feats=12, n_resblocks=1))
    with pytest.raises(ConfigError, match="teacher rcan"):
        copy_matching_layers(student, create_model("rcan", **SMALL["rcan"]))


def test_taps_are_named_after_their_groups() -> None:
    assert parse_sizes("rcan:n_resgroups=5,taps=1/3", 4).tap_names == ("head", "after 1", "after 3", "body")
