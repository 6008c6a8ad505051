"""What is wrong with the form's values, and what is known of the models and images they name; for jobs."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from fakd_core.errors import ConfigError, FakdError
from fakd_core.events import CancelToken
from fakd_core.runs.config import TrainConfig
from fakd_gui.session.model_cache import ModelCache
from fakd_gui.train.estimate import Estimate, StepTiming, measure_pace
from fakd_gui.train.memory_need import cache_bytes, free_disk, free_memory, training_bytes
from fakd_gui.train.model_facts import ModelFacts, facts_of, stored_as

if TYPE_CHECKING:
    from fakd_core.models.layers import SRNetwork
    from fakd_core.models.spec import ModelSpec

T = TypeVar("T")

Paces = dict[Hashable, StepTiming]
"""What was measured already; the time of a step is not measured anew for every letter that is typed."""


@dataclass(frozen=True)
class TapChoice:
    """The taps of a teacher of another project, those `possible`, and what is wrong with them.

    `ref` is the teacher's name.
    """

    ref: str
    taps: tuple[str, ...]
    possible: tuple[str, ...]
    problem: str = ""


@dataclass
class FormFindings:
    """By the name of an option: what must be changed, and what a person may want to know."""

    problems: dict[str, str] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)
    teachers: list[ModelFacts] = field(default_factory=list)
    student: ModelFacts | None = None
    estimate: Estimate | None = None
    taps: TapChoice | None = None


def check_values(
    values: Mapping[str, object], models: ModelCache, paces: Paces, may_measure: bool, token: CancelToken
) -> FormFindings:
    """Check what pydantic can't: that models and images are there and fit one another.

    `values` make a `TrainConfig`, but for the run folder, which may be missing. Speed is measured only if
    `may_measure` (no training runs); what is measured is added to `paces`. Raises `Cancelled` when
    overtaken by newer values.
    """
    config = TrainConfig.build(**{**values, "run": values["run"] or "run"})
    findings = FormFindings()
    for ref in config.teacher:
        token.raise_if_cancelled()
        facts = _try(findings, "teacher", partial(_teacher, ref, config, models, findings))
        if facts is not None:
            findings.teachers.append(facts)
    token.raise_if_cancelled()
    findings.student = _try(findings, "student", lambda: _student(config, models, findings))
    if config.init_from_teacher and findings.student is not None:
        for teacher in findings.teachers:
            _try(findings, "init_from_teacher", partial(_layers_match, findings, teacher.spec))
    _try(findings, "distill", lambda: _recipe(config, findings))
    token.raise_if_cancelled()
    _try(findings, "train_data", lambda: _images(config, findings))
    token.raise_if_cancelled()
    _try(findings, "device", lambda: _device(config, findings))
    if config.teacher_cache is not None:
        _try(findings, "teacher_cache", lambda: _writable(config.teacher_cache))
    if values["run"]:
        _try(findings, "run", lambda: _run_is_free(config.run))
    if findings.student is not None and not findings.problems:
        findings.estimate = _estimate(config, findings, paces, may_measure, token)
    return findings


def _try(findings: FormFindings, name: str, check: Callable[[], T]) -> T | None:
    try:
        return check()
    except FakdError as error:
        findings.problems.setdefault(name, str(error))
        return None


def _teacher(ref: str, config: TrainConfig, models: ModelCache, findings: FormFindings) -> ModelFacts:
    from fakd_core.models.references import split_taps

    try:
        spec = models.get(ref).spec
    except ConfigError as error:
        name, taps = split_taps(ref)
        if taps and len(config.teacher) == 1:
            findings.taps = _faulty_taps(ref, models.get(name), taps, str(error))
        raise
    if len(config.teacher) == 1:
        findings.taps = _taps(ref, models.get(ref))
    if spec.scale != config.scale:
        raise ConfigError(_wrong_scale(ref, spec.scale, config.scale))
    return facts_of(ref, spec, stored_as(ref, spec))


def _taps(ref: str, network: SRNetwork) -> TapChoice | None:
    """Of a network that declares its taps itself, there is nothing to choose."""
    from fakd_core.models.external.network import SpandrelNetwork

    if not isinstance(network, SpandrelNetwork) or not network.possible_taps:
        return None
    return TapChoice(ref, network.spec.taps, network.possible_taps)


def _faulty_taps(ref: str, network: SRNetwork, taps: str, problem: str) -> TapChoice | None:
    there = _taps(ref, network)
    if there is None:
        return None
    chosen = tuple(tap.strip() for tap in taps.split(","))
    reason = problem[problem.find(": tap") + len(": ") :]
    return replace(there, taps=chosen, problem=f"{reason[:1].upper()}{reason[1:]}.")


def _student(config: TrainConfig, models: ModelCache, findings: FormFindings) -> ModelFacts:
    from fakd_core.models.references import has_weights, resolve_spec

    ref = config.student
    own_weights = has_weights(ref)
    if own_weights and config.init_from_teacher:
        findings.problems["init_from_teacher"] = (
            f"{ref} has weights of its own: untick this, or choose a preset"
        )
    spec = models.get(ref).spec if own_weights else resolve_spec(ref, config.scale)
    if spec.scale != config.scale:
        raise ConfigError(_wrong_scale(ref, spec.scale, config.scale))
    begins = "starts as the teacher" if config.init_from_teacher else "starts at random"
    return facts_of(ref, spec, f"goes on, {stored_as(ref, spec)}" if own_weights else begins)


def _layers_match(findings: FormFindings, teacher: ModelSpec) -> None:
    assert findings.student is not None
    student = findings.student.spec
    if (student.architecture, student.n_feats) != (teacher.architecture, teacher.n_feats):
        raise ConfigError(
            f"no layers match: the student is {student.architecture.upper()} with {student.n_feats} "
            f"features, the teacher {teacher.architecture.upper()} with {teacher.n_feats}; untick this"
        )


def _wrong_scale(ref: str, found: int, wanted: int) -> str:
    return f"{ref} enlarges x{found}, the run is for x{wanted}: choose another, or set the scale"


def _recipe(config: TrainConfig, findings: FormFindings) -> None:
    from fakd_core.distillation.loss import DistillationLoss

    loss = DistillationLoss(config.alpha, config.distill, config.layers)
    if findings.student is not None:
        for teacher in findings.teachers:
            loss.check_widths(findings.student.spec.tap_channels, teacher.spec.tap_channels)


def _images(config: TrainConfig, findings: FormFindings) -> None:
    from fakd_core.data.datasets import check_patch, open_dataset, split_validation
    from fakd_core.data.folders import resolve_data

    dataset = open_dataset(resolve_data(config.train_data), config.scale)
    _try(findings, "train_data", lambda: check_patch(dataset, range(len(dataset)), 1))
    if "train_data" not in findings.problems:
        _try(findings, "patch", lambda: check_patch(dataset, range(len(dataset)), config.patch))
    if config.val_data is None:
        training, held_out = split_validation(dataset, config.held_out_images, config.seed)
        findings.facts["train_data"] = (
            f"{len(training)} images to train on, {len(held_out)} held out for validation"
        )
        return
    findings.facts["train_data"] = f"{len(dataset)} images"
    _try(findings, "val_data", lambda: _validation(config, findings))


def _validation(config: TrainConfig, findings: FormFindings) -> None:
    from fakd_core.data.datasets import open_dataset
    from fakd_core.data.folders import resolve_data

    assert config.val_data is not None
    there = len(open_dataset(resolve_data(config.val_data), config.scale))
    findings.facts["val_data"] = f"{min(config.val_images or there, there)} of {there} images"


def _device(config: TrainConfig, findings: FormFindings) -> None:
    from fakd_core.runtime.device import choose_device, choose_precision

    device = choose_device(config.device)
    _try(findings, "precision", lambda: choose_precision(config.precision, device))


def _writable(folder: Path | None) -> None:
    from fakd_core.files import check_writable

    assert folder is not None
    try:
        check_writable(folder / "file")
    except OSError as error:
        raise ConfigError(f"{folder}: can't be written to ({error.strerror}); name another folder") from None


def _run_is_free(run: Path) -> None:
    from fakd_core.runs.writer import RunWriter

    RunWriter.check_free(run)
    _writable(run)


def _estimate(
    config: TrainConfig, findings: FormFindings, paces: Paces, may_measure: bool, token: CancelToken
) -> Estimate:
    import torch

    from fakd_core.runtime.device import choose_device, choose_precision, is_out_of_memory

    assert findings.student is not None
    student, teachers = findings.student.spec, tuple(facts.spec for facts in findings.teachers)
    device = choose_device(config.device)
    dtype = choose_precision(config.precision, device)
    memory = training_bytes(config, student, teachers, dtype is not torch.float32)
    free = free_memory(device)
    key = (
        *(student, teachers[:1], str(device), dtype, config.patch, config.ema),
        *(config.distill, config.layers, config.alpha == 0, device.type == "cpu" or config.batch),
    )
    if may_measure and key not in paces and (free is None or memory < free):
        try:
            paces[key] = measure_pace(config, student, teachers, token)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            memory = max(memory, free or 0) + 1  # More than was counted: the warning says so.
    return Estimate(
        memory=memory,
        free_memory=free,
        disk=cache_bytes(config, teachers),
        free_disk=free_disk(config.teacher_cache or config.run),
        device=device.type,
        seconds=paces[key].seconds(config) if key in paces else None,
    )
