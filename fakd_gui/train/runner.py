"""Jobs of the Train workspace: it checks settings, follows the training and reads runs, into the state."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

from fakd_core.errors import RunError
from fakd_core.events import CancelToken, Notice, RunStarted, TrainEvent
from fakd_core.runs.layout import RunLayout
from fakd_core.runs.series import RunSeries, read_series
from fakd_gui.session.jobs import Job, JobEnd, LatestWins, Outcome
from fakd_gui.session.problem import Problem
from fakd_gui.session.session import Session
from fakd_gui.train import options
from fakd_gui.train.run_view import RunView
from fakd_gui.train.smoothing import load_filter
from fakd_gui.train.state import TrainState

if TYPE_CHECKING:
    from fakd_core.training.check import SettingsCheck, SettingsChecker

CHECK_DELAY_MS = 250


class TrainRunner(QObject):
    """Works on threads, one job of each kind at a time; failures go to the session's errors."""

    def __init__(self, session: Session, state: TrainState) -> None:
        super().__init__(state)
        self._session = session
        self._state = state
        self._checker: SettingsChecker | None = None
        self._checks = LatestWins(
            "check the settings", self, result=state.set_check, failed=self._check_failed
        )
        self._check_timer = QTimer(self, singleShot=True, interval=CHECK_DELAY_MS, timeout=self._check)
        self._past = LatestWins("read the run", self, result=state.show_run, failed=session.error)
        self._beginning = LatestWins(
            "read the run's beginning", self, result=self._prepend_past, failed=session.error
        )
        self._overlays = LatestWins(
            "read the runs to compare", self, result=self._take_overlays, failed=session.error
        )
        self._overlay_cache: dict[Path, tuple[float, RunSeries]] = {}
        """Curves by run, with the modification time of its metrics."""
        state.values_changed.connect(self._check_soon)
        session.training_started.connect(self._follow)
        session.training_finished.connect(self._finish)
        session.compared_changed.connect(self._read_overlays)
        self._check_soon()

    # -- settings ------------------------------------------------------------------------------------

    def _check_soon(self) -> None:
        self._checks.cancel()
        self._check_timer.start()

    def _check(self) -> None:
        values = options.with_valid_values(self._state.config_values())
        measure = self._session.training is None

        def work(token: CancelToken) -> SettingsCheck:
            from fakd_core.training.check import SettingsChecker  # Loads torch.

            self._checker = self._checker or SettingsChecker(self._session.models.get)
            return self._checker.check(values, measure=measure, token=token)

        self._checks.submit(work)

    def _check_failed(self, problem: Problem) -> None:
        from fakd_core.training.check import SettingsCheck

        self._session.note(problem)
        self._state.set_check(SettingsCheck(problems={"run": problem.text}))

    # -- the training --------------------------------------------------------------------------------

    def _follow(self, job: Job) -> None:
        if self._state.is_checking:
            self._check_soon()  # This time without timing a step, which would slow down the training.
        config = self._session.training_config
        self._state.live = RunView(
            name=config.run.name,
            run=config.run,
            series=RunSeries(steps=config.steps),
            text="Loading the models and the images, and measuring the bicubic and the teacher…",
            is_preparing=True,
        )
        self._state.show_run(self._state.live)
        self._beginning.submit(lambda token: load_filter())  # The first curves are drawn soon.
        job.yielded.connect(self._take)

    def _take(self, event: TrainEvent) -> None:
        live = self._state.live
        if isinstance(event, Notice):
            self._session.report(f"{live.name}: {event.text}.")
        self._state.take(event)
        if isinstance(event, RunStarted) and event.first_step:
            self._beginning.submit(
                lambda token: (live, _read_past(live.run, event.first_step, token)), live.run
            )

    def _prepend_past(self, read: tuple[RunView, RunView] | None) -> None:
        if read is not None and read[0] is self._state.live:
            self._state.prepend_past(read[1])

    def _finish(self, end: JobEnd) -> None:
        live = self._state.live
        match end.outcome:
            case Outcome.FAILED:
                text = f"Failed: {end.problem.text}" if end.problem else "Failed."
            case Outcome.CANCELLED if live.end is None:
                text = "Stopped before the first step; nothing was written."
            case Outcome.CANCELLED:
                text = f"Stopped and saved after step {live.step:,}. Resume it from the library."
            case Outcome.COMPLETED:
                text = live.summary()
        live.is_preparing = False
        live.text = text
        self._state.text_changed.emit()
        self._state.propose_new_run()
        # Files may have changed, and a step can be timed again; the results of the last check stay.
        self._state.is_checking = True
        self._state.check_changed.emit()
        self._check_soon()

    # -- past runs -----------------------------------------------------------------------------------

    def show_run(self, run: Path) -> None:
        """Show `run`: the running one at once, any other when it has been read."""
        if run == self._session.training_run:
            self._past.cancel()
            self._state.show_run(self._state.live)
        else:
            self._past.submit(lambda token: RunView.load(run, token), run)

    def _read_overlays(self, runs: list[Path]) -> None:
        if not runs:
            self._overlays.cancel()
            self._take_overlays(({}, []))
            return
        known = dict(self._overlay_cache)

        def work(token: CancelToken) -> tuple[dict[Path, tuple[float, RunSeries]], list[str]]:
            load_filter()
            read, problems = {}, []
            for run in runs:
                token.raise_if_cancelled()
                try:
                    written = RunLayout(run).metrics.stat().st_mtime
                    cached = known.get(run)
                    if cached is None or cached[0] != written:
                        cached = written, read_series(run)
                    read[run] = cached
                except (OSError, RunError) as error:
                    reason = getattr(error, "strerror", None) or error
                    problems.append(f"{run.name} can't be compared: {reason}.")
            return read, problems

        self._overlays.submit(work)

    def _take_overlays(self, found: tuple[dict[Path, tuple[float, RunSeries]], list[str]]) -> None:
        read, problems = found
        for problem in problems:
            self._session.report(problem)
        self._overlay_cache = read
        self._state.set_overlays([(run, series) for run, (_, series) in read.items()])


def _read_past(run: Path, last: int, token: CancelToken) -> RunView:
    """The curves and previews that a resumed run had up to the step `last`."""
    past = RunView.load(run, token)
    past.previews.frames = {step: frame for step, frame in past.previews.frames.items() if step <= last}
    return past
