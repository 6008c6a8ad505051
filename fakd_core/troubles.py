"""What can't be written while a run goes on: said when it begins and when it is over."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from fakd_core.errors import FakdError
from fakd_core.events import Notice


class Troubles:
    """True while something that was tried last could not be written."""

    def __init__(self) -> None:
        self._reasons: dict[str, str] = {}
        self._told = False

    def __bool__(self) -> bool:
        return bool(self._reasons)

    def attempt(self, what: str, write: Callable[[], object]) -> bool:
        """Whether `write` went well; what stands in the way of `what` is kept until it does."""
        try:
            write()
        except (OSError, FakdError) as error:
            self._reasons[what] = str(error)
            return False
        self._reasons.pop(what, None)
        return True

    def notices(self) -> Iterator[Notice]:
        """What is new since the last time this was asked."""
        if self._reasons and not self._told:
            reason = next(iter(self._reasons.values()))
            yield Notice(f"{reason}. The training goes on, and saves again as soon as that is possible")
        elif self._told and not self._reasons:
            yield Notice("saving works again")
        self._told = bool(self._reasons)
