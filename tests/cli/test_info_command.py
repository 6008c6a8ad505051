"""`fakd info` describes any file and runs nothing in it."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from fakd_core import load_model
from fakd_core.cli import main
from fakd_core.evaluation.diagnose import describe_file, value_range
from fakd_core.models.checkpoint import save_pth
from fakd_core.models.layers import RGB_RANGE, MeanShift


class Harm:
    """Creates a file when its pickle is loaded."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.mark}",)


def info(file: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    status = main(["info", str(file)])
    output = capsys.readouterr()
    assert "Traceback" not in output.err
    return status, output.out, output.err


def test_a_usable_file_is_described_with_the_next_command(
    small_teacher: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a b.pth"
    save_pth(load_model(small_teacher), file)
    assert main(["info", str(file), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert rows["container"].startswith("PyTorch archive")
    assert rows["weights"].endswith("of float32")
    assert [row[:3] for row in rows["affinities"]] == ["0: ", "1: ", "2: ", "3: "]
    assert rows["next"] == f"fakd export '{file}' --to 'a b.safetensors'"


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_code_in_a_pickle_is_named_and_never_run(
    protocol: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mark = tmp_path / "mark"
    for name, write in (
        ("plain.pth", lambda file: file.write_bytes(pickle.dumps({"a": Harm(mark)}, protocol))),
        ("torch.pth", lambda file: torch.save({"a": Harm(mark)}, file, pickle_protocol=max(protocol, 2))),
    ):
        file = tmp_path / name
        write(file)
        status, out, err = info(file, capsys)
        assert (status, err.count("\n")) == (1, 1)
        assert "posix.system" in out
    assert not mark.exists()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "empty file"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"\x89PNG\r\n\x1a\n", "image (PNG)"),
        (b"PK\x03\x04 and no more", "damaged archive"),
        (b"some notes", "text"),
        (bytes(range(7, 40)), "unknown"),
    ],
)
def test_other_files_are_recognised_by_their_content(
    content: bytes, expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "model.pth"
    file.write_bytes(content)
    status, out, _ = info(file, capsys)
    assert status == 1
    assert expected in out


def test_the_nearest_architecture_is_named_with_what_is_missing_and_extra(
    small_teacher: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = load_model(small_teacher).state_dict()
    renamed = {key: tensor for key, tensor in weights.items() if "conv_du" not in key}
    file = tmp_path / "near.pth"
    torch.save({**renamed, "mine.gamma": torch.ones(1)}, file)
    status, out, _ = info(file, capsys)
    assert status == 1
    assert "rcan, " in out
    missing, extra = out.split("missing")[1].split("extra")
    assert "body.*.body.*.body.*.conv_du.*.weight" in missing
    assert "mine.gamma" in extra


def test_infinite_weights_are_named(
    small_teacher: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = load_model(small_teacher).state_dict()
    weights["head.0.bias"][0] = float("nan")
    torch.save(weights, tmp_path / "nan.pth")
    status, out, _ = info(tmp_path / "nan.pth", capsys)
    assert status == 1
    assert "head.0.bias" in out


def test_the_value_range_is_found_by_trying() -> None:
    model = load_model("rcan-g5-r5-c32-x4")
    assert value_range(model) == "0..255"
    # The same network for 0..1: its first and last layers are the only ones that aren't homogeneous.
    unit = load_model("rcan-g5-r5-c32-x4")
    for name, module in unit.named_modules():
        if isinstance(module, torch.nn.Conv2d) and module.bias is not None and "conv_du" not in name:
            module.bias.data /= RGB_RANGE
        if isinstance(module, MeanShift):
            module.bias /= RGB_RANGE
        if name.endswith("conv_du.0"):
            module.weight.data *= RGB_RANGE
    assert value_range(unit).startswith("0..1 on a photograph")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_damage_crashes_it(data: st.DataObject, small_teacher: Path, tmp_path: Path) -> None:
    file = tmp_path / f"x{data.draw(st.sampled_from(['.pth', '.safetensors', '.onnx']))}"
    whole = bytearray(small_teacher.read_bytes())
    if data.draw(st.booleans()):
        save_pth(load_model(small_teacher), tmp_path / "whole.pth")
        whole = bytearray((tmp_path / "whole.pth").read_bytes())
    for place in data.draw(st.lists(st.integers(0, min(2000, len(whole)) - 1), max_size=8)):
        whole[place] = data.draw(st.integers(0, 255))
    file.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    assert describe_file(file, usable=False)["container"]


def test_the_json_has_the_error_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.pth"
    file.write_bytes(b"some notes")
    assert main(["info", str(file), "--json"]) == 1
    rows = json.loads(capsys.readouterr().out)
    assert rows["container"].startswith("text")
    assert "not a readable PyTorch file" in rows["error"]


def test_the_next_command_depends_on_the_content(
    small_teacher: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights, content = load_model(small_teacher).state_dict(), small_teacher.read_bytes()
    torch.save(weights, tmp_path / "swapped.safetensors")
    torch.save({"learners": [], "step": 4, "model": 1}, tmp_path / "last.pt")
    for name, made in (
        ("swapped.pth", content),
        ("SWAPPED.PT", content),
        ("UPPER.SAFETENSORS", content),
        ("net.onnx", b"\x08\x0a\x12"),
        ("lfs.pth", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"),
    ):
        (tmp_path / name).write_bytes(made)
    outputs = {file.name: info(file, capsys) for file in sorted(tmp_path.iterdir())}
    assert outputs["UPPER.SAFETENSORS"][0] == 0
    assert "rename it to end in .safetensors" in outputs["swapped.pth"][2]
    assert "rename it to end in .safetensors" in outputs["SWAPPED.PT"][2]
    assert "rename it to end in .pth" in outputs["swapped.safetensors"][2]
    assert "ONNX can't be read back" in outputs["net.onnx"][2]
    assert "git lfs pull" in outputs["lfs.pth"][2]
    assert "fakd train --resume" in outputs["last.pt"][2]


def test_unusual_data_types_are_described(
    small_teacher: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = load_model(small_teacher).state_dict()
    small = tmp_path / "fp8.pth"
    torch.save({name: tensor.to(torch.float8_e4m3fn) for name, tensor in weights.items()}, small)
    status, out, _ = info(small, capsys)
    assert status == 0
    assert "float8_e4m3fn" in out
    assert "asks for" not in out
    nested = tmp_path / "nested.pth"
    with pytest.warns(UserWarning, match="nested tensors"):
        torch.save({"a": torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)])}, nested)
    status, _, err = info(nested, capsys)
    assert (status, err.count("\n")) == (1, 1)
    assert "unexpected" not in err


def test_with_wrong_taps_the_file_itself_is_described_as_usable(
    small_teacher: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for taps, reason in (("1", "expected two taps, as numbers"), ("3,1", "taps")):
        assert main(["info", f"{small_teacher}@{taps}"]) == 2
        outputs = capsys.readouterr()
        assert reason in outputs.err
        assert "nearest" not in outputs.out
        assert "container" in outputs.out


def test_a_network_of_a_missing_package_names_the_package(
    small_teacher: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "chain.safetensors"
    save_file({"layers.0.odd": torch.zeros(3)}, file, {"fakd_spec": '{"architecture": "chain", "scale": 4}'})
    _, _, err = info(file, capsys)
    assert "architecture chain, of a package that isn't installed here" in err


def test_the_command_quotes_a_name_like_an_option_and_refuses_an_address(
    small_teacher: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("-a.safetensors").write_bytes(small_teacher.read_bytes())
    assert main(["info", "--json", "--", "-a.safetensors"]) == 0
    assert json.loads(capsys.readouterr().out)["next"] == "fakd export ./-a.safetensors --to ./-a.pth"
    assert main(["info", "https://example.org/a.pth"]) == 2
    assert "download the file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("preset", "parameters", "gmacs"),
    [
        ("rcan-paper-teacher", 15.59, 36.7),
        ("rcan-paper-student", 5.17, 12.9),
        ("edsr-paper-student", 1.52, 4.57),
    ],
)
def test_info_gives_the_published_sizes(
    capsys: pytest.CaptureFixture[str], preset: str, parameters: float, gmacs: float
) -> None:
    assert main(["info", preset, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert round(report["parameters"] / 1e6, 2) == parameters
    assert report["gmacs"] == pytest.approx(gmacs, rel=5e-3)


def test_info_names_the_key_format(shared: Callable[[str], Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(shared("golden/rcan_x4_student.pt")), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["key format"] == "FAKD RCAN"
    assert (report["n_resgroups"], report["n_resblocks"], report["n_feats"], report["scale"]) == (
        10,
        1,
        16,
        4,
    )


def test_info_lists_what_comes_with_the_program(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "--list", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert {"edsr", "rcan", "san"} <= set(report["architectures"])
    assert "rcan-paper-student" in report["presets"]
