"""Checks training settings against the models, images and devices that they name, without training.

`fakd_core.training.setup` stops at the first error; this reports every problem, by option.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from fakd_core.data.datasets import SRDataset, check_patch, lr_sides, open_datasets, split_validation
from fakd_core.data.folders import resolve_all
from fakd_core.data.image_files import image_size
from fakd_core.distillation.loss import DistillationLoss
from fakd_core.distillation.recipe import Recipe, parse_recipe
from fakd_core.errors import ConfigError, FakdError
from fakd_core.events import CancelToken
from fakd_core.files import check_writable
from fakd_core.models.cost import Profile, profile
from fakd_core.models.external.network import SpandrelNetwork, SpandrelSpec
from fakd_core.models.layers import SRNetwork
from fakd_core.models.spec import ModelSpec
from fakd_core.runs.config import TrainConfig
from fakd_core.runs.references import has_weights, model_file, resolve_spec, split_taps
from fakd_core.runs.writer import RunWriter
from fakd_core.runtime.cancellation import cancellable
from fakd_core.runtime.device import choose_device, choose_precision
from fakd_core.training.estimate import Estimate, Timings, estimate_run
from fakd_core.training.setup import plan_upcycling, require_scale
from fakd_core.training.teacher_trial import TeacherTrial, describe_spreads, try_teacher

AFFINITIES = {"SA", "PSA"}
"""Terms that compare affinities of positions."""


@dataclass(frozen=True, kw_only=True)
class CheckedNetwork:
    """A network of a run: its reference, sizes and cost, and where its weights come from."""

    ref: str
    spec: ModelSpec
    cost: Profile
    weights: str


@dataclass(frozen=True, kw_only=True)
class TapChoice:
    """The feature taps of the external teacher `ref`, the possible ones, and what is wrong with them."""

    ref: str
    taps: tuple[str, ...]
    possible: tuple[str, ...]
    problem: str = ""


@dataclass(kw_only=True)
class SettingsCheck:
    """The result of a check: problems and facts by option, the networks, and the estimate."""

    problems: dict[str, str] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)
    teachers: list[CheckedNetwork] = field(default_factory=list)
    student: CheckedNetwork | None = None
    taps: TapChoice | None = None
    estimate: Estimate | None = None


class SettingsChecker:
    """Checks settings one after the other, loads networks by `load`, and keeps the timings it measured."""

    def __init__(self, load: Callable[[str], SRNetwork]) -> None:
        self._load = load
        self._timings: Timings = {}
        self._trials: dict[tuple[object, ...], TeacherTrial] = {}
        """Teachers that were tried, by all that it depends on."""

    def check(self, values: Mapping[str, object], *, measure: bool, token: CancelToken) -> SettingsCheck:
        """Check that models and images exist and fit together. Slow: call from a worker thread only.

        `values` are valid options of a `TrainConfig`; the run folder may be missing. `measure` times a
        training step for the estimate, and tries the teachers on validation images. Raises `Cancelled` once
        `token` is cancelled.
        """
        config = TrainConfig.build(**{**values, "run": values.get("run") or "run"})
        check = _Check(config, self._load, token)
        for step in (check.teachers, check.student, check.recipe, check.images, check.device, check.cache):
            token.raise_if_cancelled()
            step()
        if values.get("run"):
            check.run_folder()
        found = check.found
        if measure and not found.problems and check.validation is not None:
            self._try_teachers(check)
        if found.student is not None and not found.problems:
            teachers = [check.networks[ref] for ref in config.teacher]
            found.estimate = estimate_run(
                config, found.student.spec, teachers, timings=self._timings, measure=measure, token=token
            )
        return found

    def _try_teachers(self, check: _Check) -> None:
        """Note facts about teachers on the first validation images."""
        config, facts = check.config, check.found.facts
        key = (
            config.scale,
            config.seed,
            config.val_images,
            config.patch,
            *config.train_data,
            *config.val_data,
        )
        assert check.validation is not None
        for ref in config.teacher:
            if (ref, *key) not in self._trials:
                self._trials[ref, *key] = try_teacher(
                    check.networks[ref], ref, *check.validation, patch=config.patch, token=check.token
                )
        trials = {ref: self._trials[ref, *key] for ref in config.teacher}
        if warnings := dict.fromkeys(trial.warning for trial in trials.values() if trial.warning):
            facts["teacher"] = "; ".join(warnings)
        affinities = Recipe(term for term in parse_recipe(config.distill) if term.name in AFFINITIES)
        compared = affinities.layers(config.layers)
        if compared and (spreads := describe_spreads(trials, compared)):
            facts["layers"] = spreads


class _Check:
    """One check; each method fills in what it `found`."""

    def __init__(self, config: TrainConfig, load: Callable[[str], SRNetwork], token: CancelToken) -> None:
        self.config = config
        self.found = SettingsCheck()
        self.validation: tuple[SRDataset, Sequence[int]] | None = None
        """The data set and the positions of the validation images in it."""
        self.networks: dict[str, SRNetwork] = {}
        """The teachers, by reference: each file is read once."""
        self.reach = 1
        """The sides of the region that a patch is made of, in patches."""
        self._load = load
        self.token = token

    def teachers(self) -> None:
        for ref in self.config.teacher:
            with self._problems_of("teacher"):
                self.found.teachers.append(self._teacher(ref))

    def student(self) -> None:
        ref, config, found = self.config.student, self.config, self.found
        with self._problems_of("student"):
            if has_weights(ref):
                if config.init_from_teacher:
                    found.problems["init_from_teacher"] = (
                        f"{ref} has weights of its own; turn this off, or choose a preset as student"
                    )
                network = self._load(ref)
                spec, cost = network.spec, self._cost(network)
                weights = f"continues, {_describe_weights(ref, network)}"
                if spec.scale != config.scale and not isinstance(spec, SpandrelSpec):
                    weights += f", for x{spec.scale}: its upsampler starts at random"
                    spec = type(spec).build(**{**spec.model_dump(), "scale": config.scale})
                    cost = self._cost(spec)
            else:
                spec = resolve_spec(ref, config.scale)
                cost = self._cost(spec)
                weights = "starts as the teacher" if config.init_from_teacher else "starts at random"
            require_scale(ref, spec, config.scale)
            found.student = CheckedNetwork(ref=ref, spec=spec, cost=cost, weights=weights)
            for teacher in found.teachers if config.init_from_teacher else ():
                with self._problems_of("init_from_teacher"):
                    _check_same_layers(found.student, teacher)

    def recipe(self) -> None:
        with self._problems_of("distill"):
            loss = DistillationLoss(self.config.alpha, self.config.distill, self.config.layers)
            if self.found.student is not None:
                for teacher in self.found.teachers:
                    loss.check_widths(self.found.student.spec.tap_channels, teacher.spec.tap_channels)
            self.reach = max(zoom.reach for zoom in plan_upcycling(self.config, loss.recipe).zooms)

    def images(self) -> None:
        config, facts = self.config, self.found.facts
        with self._problems_of("train_data"):
            dataset = open_datasets(resolve_all(config.train_data), config.scale)
            training: Sequence[int] = range(len(dataset))
            held_out = ""
            if not config.val_data:
                training, held = split_validation(dataset, config.held_out_images, config.seed)
                self.validation = dataset, held
                held_out = f" to train on, {len(held)} held out for validation"
            sides = list(lr_sides(dataset, training))
            if not sides:
                image_size(dataset.hr_files[training[0]])  # Raises the reason.
            with self._problems_of("patch"):
                check_patch(dataset, sides, config.patch, self.reach)
            small, unreadable = (
                sum(side < config.patch * self.reach for side in sides),
                len(training) - len(sides),
            )
            left_out = f"; {small} smaller than the patch left out" if small else ""
            left_out += f"; {unreadable} that can't be read left out" if unreadable else ""
            facts["train_data"] = f"{len(sides) - small} images{held_out}{left_out}"
        if config.val_data:
            with self._problems_of("val_data"):
                dataset = open_datasets(resolve_all(config.val_data), config.scale)
                self.validation, count = (dataset, range(len(dataset))), len(dataset)
                facts["val_data"] = f"{min(config.val_images or count, count)} of {count} images"

    def device(self) -> None:
        with self._problems_of("device"):
            device = choose_device(self.config.device)
            with self._problems_of("precision"):
                choose_precision(self.config.precision, device)

    def cache(self) -> None:
        folder = self.config.teacher_cache_folder
        if folder is not None:
            with self._problems_of("teacher_cache"):
                _check_writable(folder)

    def run_folder(self) -> None:
        with self._problems_of("run"):
            RunWriter.check_free(self.config.run)
            _check_writable(self.config.run)

    @contextmanager
    def _problems_of(self, option: str) -> Iterator[None]:
        """Record an error of the block as the problem of `option`; the first one counts."""
        try:
            yield
        except FakdError as error:
            self.found.problems.setdefault(option, str(error))

    def _teacher(self, ref: str) -> CheckedNetwork:
        single = len(self.config.teacher) == 1
        try:
            network = self.networks[ref] = self._load(ref)
        except ConfigError as error:
            name, taps = split_taps(ref)
            if taps and single:
                self.found.taps = _faulty_taps(_taps(ref, self._load(name)), taps, str(error))
            raise
        if single:
            self.found.taps = _taps(ref, network)
        require_scale(ref, network.spec, self.config.scale)
        return CheckedNetwork(
            ref=ref, spec=network.spec, cost=self._cost(network), weights=_describe_weights(ref, network)
        )

    def _cost(self, network: SRNetwork | ModelSpec) -> Profile:
        with cancellable(self.token):
            return profile(network)


def _check_same_layers(student: CheckedNetwork, teacher: CheckedNetwork) -> None:
    ours, theirs = student.spec, teacher.spec
    if (ours.architecture, ours.n_feats) != (theirs.architecture, theirs.n_feats):
        raise ConfigError(
            f"no layers match: the student is {ours.architecture.upper()} with {ours.n_feats} features, "
            f"the teacher {theirs.architecture.upper()} with {theirs.n_feats}; turn this off"
        )


def _check_writable(folder: Path) -> None:
    try:
        check_writable(folder / "file")
    except OSError as error:
        raise ConfigError(f"{folder}: can't be written ({error.strerror}); choose another folder") from None


def _taps(ref: str, network: SRNetwork) -> TapChoice | None:
    """The taps of an external network; None if the network declares its own."""
    if not isinstance(network, SpandrelNetwork) or not network.possible_taps:
        return None
    return TapChoice(ref=ref, taps=network.spec.taps, possible=network.possible_taps)


def _faulty_taps(choice: TapChoice | None, taps: str, problem: str) -> TapChoice | None:
    """`choice` with the `taps` that were refused because of `problem`."""
    if choice is None:
        return None
    chosen = tuple(tap.strip() for tap in taps.split(","))
    reason = problem[problem.find(": tap") + len(": ") :]
    return replace(choice, taps=chosen, problem=f"{reason[:1].upper()}{reason[1:]}.")


def _describe_weights(ref: str, network: SRNetwork) -> str:
    """The key format of the weights of `ref`, the suffix of their file, and what was chosen or guessed."""
    return "; ".join((f"{network.origin.key_format} keys, {model_file(ref).suffix}", *network.origin.remarks))
