"""The settings of a training run, checked while they are typed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLineEdit, QScrollArea, QVBoxLayout, QWidget

from fakd_core.catalogue import bundled_models
from fakd_core.config import TrainConfig
from fakd_core.events import CancelToken
from fakd_core.models.presets import PRESETS as STUDENT_PRESETS
from fakd_core.samples import SAMPLES
from fakd_gui.jobs import LatestWins
from fakd_gui.run_folders import free_run_folder
from fakd_gui.session import Session
from fakd_gui.train import options
from fakd_gui.train.check import Findings, check_values
from fakd_gui.train.estimate import in_words
from fakd_gui.train.fields import Field, LayerBoxes, Section, choice, whole_number
from fakd_gui.train.presets import PRESETS, QUICK
from fakd_gui.train.terms_menu import TermsButton
from fakd_gui.widgets.names import model_label
from fakd_gui.widgets.reference_field import ReferenceField

CHECK_DELAY_MS = 250
CUSTOM = "Custom"
NO_TEACHER = "none"


class TrainForm(QScrollArea):
    """Every option of `TrainConfig` a person needs. `changed` follows every check of the values."""

    changed = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.fields: dict[str, Field] = {}
        self.findings: Findings | None = None
        self._filling = False
        self._own_run_name = False
        self._checker = LatestWins("check the settings", self)
        self._checker.result.connect(self._found)
        self._checker.failed.connect(self._check_failed)
        self._timer = QTimer(self, singleShot=True, interval=CHECK_DELAY_MS)
        self._timer.timeout.connect(self._check)
        self._build()
        self._connect()
        self.apply_preset(QUICK.name)

    # -- what the rest of the app uses ---------------------------------------------------------------

    def values(self) -> dict[str, object]:
        """The values as `TrainConfig` takes them; lists that can't be read stay text."""
        teacher = self.teacher.text()
        return {
            "teacher": () if teacher.lower() == NO_TEACHER else (teacher,),
            "student": self.student.text(),
            "train_data": self.train_data.text(),
            "val_data": self.val_data.text() or None,
            "scale": int(self.scale.currentText()),
            "run": Path(self.run.text()).expanduser() if self.run.text() else None,
            "alpha": options.number(self.alpha.text()),
            "distill": self.distill.text(),
            "layers": self.layers.value(),
            "init_from_teacher": self.init_from_teacher.isChecked() and self.init_from_teacher.isEnabled(),
            "steps": self.steps.value(),
            "batch": self.batch.value(),
            "patch": self.patch.value(),
            "lr": options.number(self.lr.text()),
            "schedule": self.schedule.currentText(),
            "milestones": options.whole_numbers(self.milestones.text()),
            "validate_every": self.validate_every.value(),
            "val_images": self.val_images.value(),
            "precision": self.precision.currentText(),
            "seed": self.seed.value(),
        }

    def config(self) -> TrainConfig | None:
        """The settings, or None while something is known to be wrong with them.

        What is still being checked counts as right: the trainer checks it all again before writing.
        """
        if self.problems():
            return None
        return TrainConfig.build(**self.values())

    @property
    def checking(self) -> bool:
        return self._timer.isActive() or self._checker.running or self.findings is None

    def problems(self) -> list[str]:
        """One line a field that must be changed."""
        named = ((field.label.text().replace("&", ""), field.problem) for field in self.fields.values())
        return [f"{name}: {problem}" if name else problem for name, problem in named if problem]

    def estimate(self) -> str:
        """How long the run will take, or nothing while that is unknown."""
        pace = self.findings.pace if self.findings else None
        if pace is None:
            return ""
        seconds = pace.seconds(self.steps.value(), self.batch.value(), self.patch.value())
        return f"about {in_words(seconds)} on this machine ({pace.device.upper()})"

    def apply_preset(self, name: str) -> None:
        self.fill(PRESETS[name].values)
        self._set_preset(name)

    def fill(self, values: Mapping[str, object]) -> None:
        """Show `values` (names of `TrainConfig`); fields that are not named stay as they are."""
        self._filling = True
        for name, value in values.items():
            self._fill_one(name, value)
        self._filling = False
        self._changed()

    def new_run_name(self) -> None:
        """Propose a free run folder, unless the person named one that is free."""
        if not self._own_run_name or Path(self.run.text()).expanduser().exists():
            self._own_run_name = False
            self._propose_run()

    def check_now(self) -> None:
        """Check again though nothing was typed (files may have changed, a training may have ended)."""
        self._timer.start()
        self.changed.emit()

    # -- building ------------------------------------------------------------------------------------

    def _build(self) -> None:
        self._make_widgets()
        body = QWidget()
        column = QVBoxLayout(body)
        column.setContentsMargins(12, 10, 12, 10)
        column.setSpacing(14)
        for title, names in options.SECTIONS:
            section = Section(title)
            for name in names:
                label, tip = options.FIELDS[name]
                self.fields[name] = section.add(label, self._row(name), tip)
            column.addWidget(section)
        column.addStretch()
        self.setWidget(body)
        self.setWidgetResizable(True)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(self.horizontalScrollBarPolicy().ScrollBarAlwaysOff)

    def _make_widgets(self) -> None:
        self.preset = choice([*PRESETS, CUSTOM])
        models = list(bundled_models())
        self.teacher = ReferenceField([*models, NO_TEACHER], "model", "name, or a checkpoint's file")
        self.student = ReferenceField(STUDENT_PRESETS, "model", "preset, sizes or file")
        self.init_from_teacher = QCheckBox("Start from the teacher's matching layers")
        self.train_data = ReferenceField([SAMPLES], "folder", "folder of images")
        self.val_data = ReferenceField([SAMPLES], "folder", "held-out images")
        self.val_images = whole_number(1, 10_000)
        self.scale = choice(["2", "3", "4", "8"])
        self.distill = QLineEdit()
        self.terms = TermsButton(self.distill)
        self.layers = LayerBoxes()
        self.alpha = QLineEdit()
        self.steps = whole_number(1, 100_000_000)
        self.batch = whole_number(1, 4096, "patches")
        self.patch = whole_number(8, 2048, "px (LR)")
        self.lr = QLineEdit()
        self.schedule = choice(["cosine", "milestones"])
        self.milestones = QLineEdit()
        self.validate_every = whole_number(1, 100_000_000, "steps")
        self.precision = choice(["auto", "fp32", "bf16", "fp16"])
        self.seed = whole_number(0, 2**31 - 1)
        self.run = ReferenceField([], "folder", "a new folder")
        for edit in (self.distill, self.alpha, self.lr, self.milestones):
            edit.setAcceptDrops(False)

    def _row(self, name: str) -> QWidget:
        widget = getattr(self, name)
        assert isinstance(widget, QWidget)
        if name != "distill":
            return widget
        row = QWidget()
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.distill, 1)
        layout.addWidget(self.terms)
        row.setFocusProxy(self.distill)
        return row

    def _connect(self) -> None:
        self.preset.activated.connect(self._preset_chosen)
        for name in options.FIELDS:
            widget = getattr(self, name)
            if isinstance(widget, ReferenceField | LayerBoxes):
                widget.changed.connect(self._edited)
            elif isinstance(widget, QLineEdit):
                widget.textChanged.connect(self._edited)
            elif isinstance(widget, QCheckBox):
                widget.toggled.connect(self._edited)
            elif isinstance(widget, QComboBox) and widget is not self.preset:
                widget.currentTextChanged.connect(self._edited)
            elif not isinstance(widget, QComboBox):
                widget.valueChanged.connect(self._edited)
        self.run.combo.lineEdit().textEdited.connect(self._run_named)
        self.student.changed.connect(lambda _: self._propose_run())

    # -- reacting ------------------------------------------------------------------------------------

    def _fill_one(self, name: str, value: object) -> None:
        widget = getattr(self, name)
        if isinstance(widget, ReferenceField):
            first = (value[0] if value else "") if isinstance(value, tuple) else value
            widget.set_text("" if first is None else str(first))
        elif isinstance(widget, LayerBoxes):
            assert isinstance(value, tuple)
            widget.set_value(value)
        elif isinstance(widget, QLineEdit):
            widget.setText(options.written(value))
        elif isinstance(widget, QCheckBox):
            widget.setChecked(bool(value))
        elif isinstance(widget, QComboBox):
            widget.setCurrentText(str(value))
        else:
            widget.setValue(value)

    def _preset_chosen(self) -> None:
        if self.preset.currentText() in PRESETS:
            self.apply_preset(self.preset.currentText())

    def _set_preset(self, name: str) -> None:
        self.preset.setCurrentText(name)
        self.fields["preset"].set_fact(PRESETS[name].summary if name in PRESETS else "")

    def _edited(self) -> None:
        if not self._filling:
            self._set_preset(CUSTOM)
            self._changed()

    def _run_named(self, typed: str) -> None:
        self._own_run_name = bool(typed.strip())

    def _propose_run(self) -> None:
        if self._own_run_name:
            return
        student = model_label(self.student.text().split(":")[0]) or "run"
        filling, self._filling = self._filling, True
        self.run.set_text(str(free_run_folder(self.session.runs_root, student)))
        self._filling = filling

    def _changed(self) -> None:
        self.milestones.setEnabled(self.schedule.currentText() == "milestones")
        has_teacher = self.teacher.text().lower() != NO_TEACHER
        self.init_from_teacher.setEnabled(has_teacher)
        self.findings = None
        self._show_problems(options.problems_of(self.values()))
        self._timer.start()
        self.changed.emit()

    def _check(self) -> None:
        values = self.values()
        values = options.checkable(values, options.problems_of(values))
        models, may_measure = self.session.models, self.session.training is None

        def work(token: CancelToken) -> Findings:
            return check_values(values, models, may_measure, token)

        self._checker.submit(work)

    def _found(self, findings: Findings) -> None:
        self.findings = findings
        self._show_problems({**findings.problems, **options.problems_of(self.values())})
        self.changed.emit()

    def _check_failed(self, message: str) -> None:
        self.findings = Findings(problems={"run": message})
        self._show_problems(self.findings.problems)
        self.changed.emit()

    def _show_problems(self, problems: Mapping[str, str]) -> None:
        for name, field in self.fields.items():
            if name != "preset":
                field.set_fact(self.findings.facts.get(name, "") if self.findings else "")
            field.set_problem(problems.get(name, ""))
