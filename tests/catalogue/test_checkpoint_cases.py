"""Every weight file: loaded, described by `fakd info`, in a run folder, and with little memory."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from checkpoint_files import WEIGHTS, harmful, network
from damaged_checkpoints import BOMBS, CASES, CheckpointCase

from fakd_core.cli import main
from fakd_core.errors import CheckpointError, ConfigError, FakdError, RunError, UnsupportedArchitectureError
from fakd_core.models.checkpoint import load_checkpoint, save_safetensors
from fakd_core.models.factory import create_model, create_spec
from fakd_core.runs.checkpoints import load_state

CASE = pytest.mark.parametrize("case", CASES, ids=lambda case: case.file)
MOST_MEMORY_MB = 150
TOO_LARGE = {
    "edsr:n_feats=100000": r"n_feats: must be at most \d+ \(found '100000'\)",
    "rcan:n_feats=1000000000000000000000": "n_feats: must be at most",
    "edsr:n_feats=4000,n_resblocks=1000": "edsr with 4000 features in 1000 blocks is too large: about 288",
    "rcan:n_feats=512,n_resgroups=100,n_resblocks=100": "too large: about 47,186 million parameters, 189 GB",
    "san:n_feats=512,n_resgroups=100,n_resblocks=100": "too large",
    "edsr:n_resblocks=1000000": "n_resblocks: must be at most 1000",
}


@CASE
def test_loading_gives_the_network_or_a_one_line_error(
    case: CheckpointCase, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    inside = tmp_path / "inside/folder"
    inside.mkdir(parents=True)
    path = case.make(inside)
    made = sorted(tmp_path.rglob("*"))
    if case.expected is None:
        weights = load_checkpoint(path).state_dict()
        assert weights.keys() == WEIGHTS.keys()
        # Half precision and eight bits keep three and two digits.
        assert all(torch.allclose(weights[name], WEIGHTS[name], rtol=0.2) for name in WEIGHTS)
        assert {tensor.dtype for tensor in weights.values()} == {torch.float32}
    else:
        with pytest.raises((CheckpointError, UnsupportedArchitectureError), match=case.expected) as caught:
            load_checkpoint(path)
        message = str(caught.value)
        assert message.startswith(f"{path}: ")
        assert message.isprintable()
        assert len(message) < 4000
    # No code ran, and nothing came out of an archive.
    assert sorted(tmp_path.rglob("*")) == made
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("case", CASES[::5], ids=lambda case: case.file)
def test_info_describes_it_or_gives_a_one_line_error(
    case: CheckpointCase, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = case.make(tmp_path)
    status = main(["info", str(file)])
    output, error = capsys.readouterr()
    if case.expected is None:
        assert (status, error) == (0, "")
        assert "edsr" in output
    else:
        assert status == 1
        assert ("container" in output) is file.is_file()
        assert re.fullmatch(r"error: .+\n", error)


@pytest.mark.parametrize("zipped", [True, False])
def test_the_state_of_a_run_runs_no_code(tmp_path: Path, zipped: bool) -> None:
    harmful(lambda runs: {"step": 1, "optimizer": runs}, zipped)(tmp_path / "last.pt")
    with pytest.raises(RunError, match="damaged or not checkpoints of this program"):
        load_state([tmp_path / "last.pt"])
    assert not (tmp_path / "ran").exists()


def test_harmful_files_do_run_code_if_loaded_carelessly(tmp_path: Path) -> None:
    harmful(lambda runs: {"weights": runs})(tmp_path / "a.pth")
    torch.load(tmp_path / "a.pth", weights_only=False)
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize("sizes", TOO_LARGE)
def test_sizes_too_large_are_an_error_before_memory_is_allocated(
    sizes: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["info", sizes]) == 2
    error = capsys.readouterr().err
    assert re.search(TOO_LARGE[sizes], error)
    assert error.count("\n") == 1


def test_a_network_too_large_is_not_made() -> None:
    with pytest.raises(ConfigError, match="expected at most 1,000 million; choose smaller sizes"):
        create_model("edsr", n_feats=2048, n_resblocks=100)


def test_sizes_that_a_file_claims_are_checked_before_they_are_built(tmp_path: Path) -> None:
    model = network("rcan", n_resgroups=1, reduction=2)
    model.spec = create_spec("rcan", scale=2, n_feats=2048, n_resgroups=100, n_resblocks=100)
    save_safetensors(model, tmp_path / "a.safetensors")
    with pytest.raises(FakdError, match=r"its sizes make no sense: rcan with 2048 features .* too large"):
        load_checkpoint(tmp_path / "a.safetensors")


def test_a_bomb_is_refused_before_it_allocates_memory(tmp_path: Path) -> None:
    paths = [str(case.make(tmp_path)) for case in BOMBS]
    # A process of its own: what others took before would hide it.
    script = """
import resource, sys
from pathlib import Path
from fakd_core.errors import FakdError
from fakd_core.models.checkpoint import load_checkpoint
load_checkpoint(Path(sys.argv[1]))
# It takes seconds to load, and nothing here needs it.
assert "torch._dynamo" not in sys.modules
for path in map(Path, sys.argv[2:]):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        load_checkpoint(path)
    except FakdError:
        pass
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    whole = next(case for case in CASES if case.file == "zip.pth").make(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", script, whole, *paths], capture_output=True, text=True, check=True
    )
    taken = {case.file: int(line) / 1024 for case, line in zip(BOMBS, done.stdout.split(), strict=True)}
    assert done.stderr == ""
    assert {name: mb for name, mb in taken.items() if mb > MOST_MEMORY_MB} == {}
