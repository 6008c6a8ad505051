"""What is wrong with the form's values, and what is known of the models and images they name; for jobs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from fakd_core.errors import FakdError
from fakd_core.events import CancelToken
from fakd_gui.session import ModelCache
from fakd_gui.train.estimate import Pace, measure_pace

if TYPE_CHECKING:
    from fakd_core.config import ModelSpec
    from fakd_core.models import SRNetwork

T = TypeVar("T")


@dataclass
class Findings:
    """By the name of a field: what must be changed, and what a person may want to know."""

    problems: dict[str, str] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)
    pace: Pace | None = None


def check_values(
    values: Mapping[str, object], models: ModelCache, may_measure: bool, token: CancelToken
) -> Findings:
    """Check what pydantic can't: that models and images are there and fit one another.

    `values` are those of `TrainConfig`, each of its right type. Speed is measured only if `may_measure`
    (no training runs). Raises `Cancelled` when overtaken by newer values.
    """
    findings = Findings()
    scale = values["scale"]
    assert isinstance(scale, int)
    teachers = []
    for ref in _names(values["teacher"]):
        token.raise_if_cancelled()
        model = _try(findings, "teacher", lambda ref=ref: _teacher(ref, scale, models, findings))
        if model is not None:
            teachers.append(model)
    token.raise_if_cancelled()
    student = None
    if values["student"]:
        student = _try(findings, "student", lambda: _student(values, models, findings))
    if values["init_from_teacher"] and student is not None:
        for teacher in teachers:
            _try(findings, "init_from_teacher", lambda teacher=teacher: _layers_match(student, teacher.spec))
    _try(findings, "distill", lambda: _recipe(values, teachers, student, findings))
    token.raise_if_cancelled()
    for name in ("train_data", "val_data"):
        if values[name]:
            _try(findings, name, lambda name=name: _data(name, values, findings))
    if values["run"]:
        _try(findings, "run", lambda: _run_is_free(values["run"]))
    if may_measure and student is not None and not findings.problems:
        findings.pace = measure_pace(student, teachers, token)
    return findings


def _try(findings: Findings, name: str, check: Callable[[], T]) -> T | None:
    try:
        return check()
    except FakdError as error:
        findings.problems[name] = str(error)
        return None


def _names(value: object) -> tuple[str, ...]:
    assert isinstance(value, tuple)
    return value


def _teacher(ref: str, scale: int, models: ModelCache, findings: Findings) -> SRNetwork:
    from fakd_core.errors import ConfigError

    model = models.get(ref)
    if model.spec.scale != scale:
        raise ConfigError(_wrong_scale(ref, model.spec.scale, scale))
    findings.facts["teacher"] = _describe(model.spec)
    return model


def _student(values: Mapping[str, object], models: ModelCache, findings: Findings) -> ModelSpec:
    from fakd_core.catalogue import has_weights, resolve_spec
    from fakd_core.errors import ConfigError

    ref, scale, from_teacher = str(values["student"]), values["scale"], values["init_from_teacher"]
    assert isinstance(scale, int)
    own_weights = has_weights(ref)
    if own_weights and from_teacher:
        findings.problems["init_from_teacher"] = (
            f"{ref} has weights of its own: untick this, or choose a preset"
        )
    spec = models.get(ref).spec if own_weights else resolve_spec(ref, scale)
    if spec.scale != scale:
        raise ConfigError(_wrong_scale(ref, spec.scale, scale))
    findings.facts["student"] = _describe(spec) + (" · continues from its own weights" if own_weights else "")
    return spec


def _layers_match(student: ModelSpec, teacher: ModelSpec) -> None:
    from fakd_core.errors import ConfigError

    if (student.architecture, student.n_feats) != (teacher.architecture, teacher.n_feats):
        raise ConfigError(
            f"no layers match: the student is {student.architecture.upper()} with {student.n_feats} "
            f"features, the teacher {teacher.architecture.upper()} with {teacher.n_feats}; untick this"
        )


def _wrong_scale(ref: str, found: int, wanted: int) -> str:
    return f"{ref} enlarges x{found}, the run is for x{wanted}: choose another, or set the scale"


def _describe(spec: ModelSpec) -> str:
    """Architecture, sizes and cost in one line."""
    from fakd_core.profiling import profile

    cost = profile(spec)
    sizes = spec.model_dump()
    depth = " of ".join(
        f"{sizes[name]} {noun}{'s' * (sizes[name] != 1)}"
        for name, noun in (("n_resgroups", "group"), ("n_resblocks", "block"))
        if name in sizes
    )
    return (
        f"{spec.architecture.upper()} x{spec.scale}: {depth}, {spec.n_feats} features · "
        f"{cost.parameters / 1e6:.2f} M parameters · {cost.gmacs:.3g} GMACs"
    )


def _recipe(
    values: Mapping[str, object], teachers: list[SRNetwork], student: ModelSpec | None, findings: Findings
) -> None:
    from fakd_core.errors import ConfigError
    from fakd_core.losses import DistillationLoss

    alpha, layers = values["alpha"], values["layers"]
    assert isinstance(alpha, float)
    assert isinstance(layers, tuple)
    loss = DistillationLoss(alpha, str(values["distill"]), layers)
    for term in loss.recipe:
        for teacher in teachers:
            if term.kind.needs_equal_channels and student and teacher.spec.n_feats != student.n_feats:
                raise ConfigError(
                    f"{term.name} compares maps of equal width; the teacher has {teacher.spec.n_feats} "
                    f"features, the student {student.n_feats}: take a term such as SA, which does not"
                )
    terms = [(term.weight, term.full_name) for term in loss.recipe]
    findings.facts["distill"] = formula(alpha, terms, bool(teachers))


def formula(alpha: float, terms: list[tuple[float, str]], has_teacher: bool) -> str:
    """The loss as a person writes it; without a teacher it is the ground truth's alone."""
    if not has_teacher:
        return "loss = L1(student, HR)"
    parts = [(1 - alpha, "L1(student, HR)"), (alpha, "L1(student, teacher)"), *terms]
    return "loss = " + " + ".join(f"{weight:g}·{name}" for weight, name in parts if weight)


def _data(name: str, values: Mapping[str, object], findings: Findings) -> None:
    from fakd_core.datasets import check_patch, open_dataset, split_validation
    from fakd_core.samples import resolve_data

    scale, n, seed, patch = (values[key] for key in ("scale", "val_images", "seed", "patch"))
    assert isinstance(scale, int)
    assert isinstance(n, int)
    assert isinstance(seed, int)
    assert isinstance(patch, int)
    dataset = open_dataset(resolve_data(str(values[name])), scale)
    if name == "train_data":
        _try(findings, "patch", lambda: check_patch(dataset, range(len(dataset)), patch))
    if name == "val_data":
        findings.facts[name] = f"{min(n, len(dataset))} of {len(dataset)} images"
    elif values["val_data"]:
        findings.facts[name] = f"{len(dataset)} images"
    else:
        training, held_out = split_validation(dataset, n, seed)
        findings.facts[name] = f"{len(training)} images to train on, {len(held_out)} held out for validation"


def _run_is_free(run: object) -> None:
    from fakd_core.run_record import RunRecord

    assert isinstance(run, Path)
    RunRecord.check_free(run)
