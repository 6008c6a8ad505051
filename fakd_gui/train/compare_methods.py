"""The dialog that queues several methods of distillation, each for the same time."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QPushButton,
    QSpinBox,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from fakd_core.errors import ConfigError
from fakd_core.events import CancelToken
from fakd_core.runs.config import TrainConfig
from fakd_core.runs.methods import METHODS
from fakd_gui.session.jobs import LatestWins
from fakd_gui.session.session import Session
from fakd_gui.train.state import TrainState
from fakd_gui.widgets.elided_label import wrapped_label
from fakd_gui.widgets.theme import restyle

if TYPE_CHECKING:
    from fakd_core.training.equal_time import Price

NO_TEACHER = "No teacher"
INTRODUCTION = (
    "Trains each method with the settings of the form, one after the other, for the same time on this "
    "machine. Methods of one seed learn from the same images and are validated on the same ones."
)
BASELINE_HINT = "The student learns from the ground truth alone: what the others are measured against."


class CompareMethods(QDialog):
    """Measures each method's time per step while it is open; adds the chosen ones to the queue."""

    def __init__(self, session: Session, state: TrainState, config: TrainConfig, parent: QWidget) -> None:
        super().__init__(parent, windowTitle="Compare methods")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._session = session
        self._state = state
        self._config = config
        self._prices: dict[str, Price] = {}
        self.tree = QTreeWidget(rootIsDecorated=False, accessibleName="Methods")
        self.tree.setHeaderLabels(["Method", "ms per step", "steps", "Source"])
        for name in (NO_TEACHER, *METHODS):
            self._add_row(name)
        for column in range(self.tree.columnCount()):
            self.tree.resizeColumnToContents(column)
        self.minutes = QSpinBox(minimum=1, maximum=10_000, value=10, suffix=" min")
        self.minutes.setAccessibleName("Time for each")
        self.seeds = QSpinBox(minimum=1, maximum=20, value=1, accessibleName="Seeds")
        self.seeds.setToolTip("Trainings of each method, with seeds that follow that of the form")
        self.status = wrapped_label("muted")
        button = partial(QPushButton, autoDefault=False)
        self.add_button = button("Add to the queue", clicked=self.add)
        self.add_button.setProperty("role", "primary")
        form = QFormLayout()
        form.addRow("&Time for each", self.minutes)
        form.addRow("&Seeds", self.seeds)
        lower = QHBoxLayout()
        lower.addWidget(self.status, 1)
        lower.addWidget(button("Close", clicked=self.reject))
        lower.addWidget(self.add_button)
        layout = QVBoxLayout(self)
        layout.addWidget(wrapped_label(text=INTRODUCTION))
        layout.addWidget(self.tree, 1)
        layout.addLayout(form)
        layout.addLayout(lower)
        self.resize(640, 420)
        # Not a child of the dialog, so that closing needn't wait for the step that is being timed.
        self._measuring = LatestWins("time the methods", state)
        self._measuring.yielded.connect(self._take_price)
        self._measuring.failed.connect(session.report)
        for changed in (self.tree.itemChanged, self.minutes.valueChanged, self.seeds.valueChanged):
            changed.connect(self._refresh)
        self._refresh()
        self._measuring.submit(self._measure)

    def configs(self) -> list[TrainConfig]:
        """The trainings of the chosen methods, those of one seed together.

        Raises:
            ConfigError: The time is too short for one of them.
        """
        from fakd_core.training.equal_time import fit_steps

        seconds = 60.0 * self.minutes.value()
        fitted = [fit_steps(self._config_of(name), self._prices[name], seconds) for name in self.chosen()]
        return [
            config.model_copy(
                update={"seed": seed, "run": config.run.with_name(f"{config.run.name}-seed{seed}")}
            )
            for seed in range(self._config.seed, self._config.seed + self.seeds.value())
            for config in fitted
        ]

    def chosen(self) -> list[str]:
        items = map(self.tree.topLevelItem, range(self.tree.topLevelItemCount()))
        return [item.text(0) for item in items if item.checkState(0) == Qt.CheckState.Checked]

    def add(self) -> None:
        try:
            configs = self.configs()
        except ConfigError as error:
            self.status.setText(str(error))
            restyle(self.status, role="error")
            return
        self._state.queue.add(configs)
        self._session.announce(f"{len(configs)} trainings were added to the queue")
        self._state.queue.start_next()
        self.accept()

    def done(self, result: int) -> None:
        self._measuring.retire()
        super().done(result)

    def _add_row(self, name: str) -> None:
        method = METHODS.get(name)
        item = QTreeWidgetItem([name, "…", "", method.source if method else ""])
        item.setCheckState(0, Qt.CheckState.Checked)
        for column in range(self.tree.columnCount()):
            item.setToolTip(column, method.summary if method else BASELINE_HINT)
        self.tree.addTopLevelItem(item)

    def _config_of(self, name: str) -> TrainConfig:
        """The settings of the form for the method; a baseline of its own has no use here."""
        method, folder = METHODS.get(name), name.lower().replace(" + ", "-").replace(" ", "-")
        values: dict[str, object] = {"run": self._session.runs_root / folder, "baseline": False}
        if method is None:
            alone = {"teacher": (), "teacher_cache": None, "cache_patches": None, "average_teachers": False}
            values |= {**alone, "init_from_teacher": False}
        else:
            values |= method.values
        return TrainConfig.build(**{**self._config.model_dump(), **values})

    def _measure(self, token: CancelToken) -> Iterator[tuple[str, Price | str]]:
        from fakd_core.runs.references import has_weights, resolve_spec
        from fakd_core.training.equal_time import measure_price

        config, models = self._config, self._session.models
        teachers = [models.get(ref) for ref in config.teacher]
        ref = config.student
        student = models.get(ref).spec if has_weights(ref) else resolve_spec(ref, config.scale)
        for name in (NO_TEACHER, *METHODS):
            own = self._config_of(name)
            yield name, measure_price(own, student, teachers if own.teacher else (), token)

    def _take_price(self, measured: tuple[str, Price]) -> None:
        name, price = measured
        self._prices[name] = price
        self._refresh()

    def _refresh(self, *_: object) -> None:
        seconds = 60.0 * self.minutes.value()
        self.tree.blockSignals(True)
        for row in range(self.tree.topLevelItemCount()):
            item = self.tree.topLevelItem(row)
            if price := self._prices.get(item.text(0)):
                item.setText(1, f"{1000 * price.step:,.0f}")
                item.setText(2, f"{price.steps_in(seconds):,}")
        self.tree.blockSignals(False)
        chosen = self.chosen()
        total = len(chosen) * self.seeds.value()
        waits = [name for name in chosen if name not in self._prices]
        self.add_button.setEnabled(bool(chosen) and not waits)
        hours = total * seconds / 3600
        text = "Measuring the time per step…" if waits else f"{total} trainings, about {hours:.1f} h in all"
        self.status.setText(text if chosen else "Choose at least one method.")
        restyle(self.status, role="muted")
