"""Differences between Linux, macOS and Windows: files in use, their names, shells, signals, folders."""

from __future__ import annotations

import errno
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import platformdirs

WINDOWS = sys.platform == "win32"
MACOS = sys.platform == "darwin"

STOP_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGBREAK") if hasattr(signal, name)
)
"""Signals that ask a program to stop. Windows sends SIGBREAK for Ctrl+Break."""

FULL_SCREEN_KEY = "Meta+Ctrl+F" if MACOS else "F11"
"""The system's key for full screen, in Qt's notation."""

_IN_USE_SECONDS = 2.0
"""Time to wait for a file that another program has open: readers and virus scanners do so for moments."""
_MAX_PATH = 259
"""Windows' limit, unless long paths are enabled."""
_DEVICES = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[1-9¹²³])", re.IGNORECASE)

_KEEP_AWAKE = (
    ["caffeinate", "-i"] if MACOS else ["systemd-inhibit", "--what=idle", "--who=FAKD", "--why=Training"]
)
"""The command that keeps the machine from sleeping while the command after it runs."""
_ES_CONTINUOUS, _ES_SYSTEM_REQUIRED = 0x80000000, 0x00000001

_T = TypeVar("_T")


def replace_file(source: Path, target: Path) -> None:
    """Rename `source` to `target`, which may exist.

    Windows refuses that while one of them is open or mapped, as it may be for a moment. Raises `OSError`.
    """
    wait_while_in_use(lambda: source.replace(target))


def remove_file(path: Path) -> None:
    """Remove `path` if it exists; on Windows, a file that stays in use is left."""
    try:
        wait_while_in_use(lambda: path.unlink(missing_ok=True))
    except PermissionError:
        if not WINDOWS:
            raise


def wait_while_in_use(act: Callable[[], _T]) -> _T:
    """The result of `act`; on Windows it is tried again for two seconds after each `PermissionError`."""
    deadline = time.monotonic() + _IN_USE_SECONDS
    while True:
        try:
            return act()
        except PermissionError:
            if not WINDOWS or time.monotonic() > deadline:
                raise
        time.sleep(0.02)


def flush_to_disk(path: Path) -> None:
    """Have the system write the content of `path` to the disk; raises `OSError`."""
    with path.open("r+b") as file:  # Windows flushes only files that are open for writing.
        os.fsync(file.fileno())


def copy_permissions(source: Path, target: Path) -> None:
    """Give `target` the permissions of `source`, if that exists.

    On Windows they are those of the folder; there, only a read-only file has one of its own, and it can't be
    replaced.
    """
    if not WINDOWS:
        with suppress(FileNotFoundError):
            shutil.copymode(source, target)


def check_name(path: Path) -> None:
    """Raise `OSError` if the system allows no file or folder at `path` because of a name in it."""
    if not WINDOWS:
        return
    for name in path.parts[bool(path.anchor) :]:
        if reason := _unusable(name):
            raise OSError(
                errno.EINVAL, f"Windows allows no file {name!r}: {reason}; choose another name", str(path)
            )


def check_length(path: Path) -> None:
    """Raise `OSError` if `path`, which could not be made, is longer than Windows usually allows."""
    if WINDOWS and len(str(path.absolute())) > _MAX_PATH:
        advice = f"longer than {_MAX_PATH} characters; choose a shorter folder, or enable Windows' long paths"
        raise OSError(errno.ENAMETOOLONG, advice, str(path))


def _unusable(name: str) -> str:
    """The reason why Windows can't name a file `name`; empty if it can."""
    if name in (".", ".."):
        return ""
    if found := re.search(r'[<>:"|?*\x00-\x1f]', name):
        return f"it contains {found[0]!r}"
    if name[-1] in ". ":
        return "it ends with a dot or a space"
    return "this is a device" if _DEVICES.fullmatch(name.partition(".")[0].rstrip()) else ""


def quote(word: str) -> str:
    """`word` as one argument of a command line for the user's shell."""
    if not WINDOWS:
        return shlex.quote(word)
    if re.fullmatch(r"[\w.:/\\=+-]+", word):
        return word
    # Both of Windows' shells take double quotes. Programs read a backslash before one as part of it.
    doubled = re.sub(r'(\\+)(?="|$)', r"\1\1", word)
    return '"' + doubled.replace('"', r"\"") + '"'


def quote_all(words: Iterable[str]) -> str:
    """A command line for the user's shell."""
    return " ".join(map(quote, words))


def split_command(text: str) -> list[str]:
    """The words of a command line; raises `ValueError` if it is incomplete."""
    words = shlex.shlex(text, posix=True, punctuation_chars=False)
    words.whitespace_split = True
    words.commenters = ""
    if WINDOWS:
        words.escape = ""  # Backslashes separate folders.
    return list(words)


def config_folder() -> Path:
    """The user's folder for this program's settings."""
    return platformdirs.user_config_path("fakd", appauthor=False)


def cache_folder() -> Path:
    """The user's folder for what this program can make again."""
    return platformdirs.user_cache_path("fakd", appauthor=False)


def is_closed_pipe(error: OSError) -> bool:
    """True if `error` says that nobody reads any more what is printed."""
    return isinstance(error, BrokenPipeError) or (WINDOWS and error.errno == errno.EINVAL)


def open_missing_streams() -> None:
    """Give a program without a console, as Windows starts windowed ones, an stdout and stderr to write to."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - until the end


@contextmanager
def keep_awake() -> Iterator[None]:
    """Keep an idle machine from sleeping; without effect where the system offers no way to.

    Windows ties it to the thread: enter and leave it on the same one.
    """
    if sys.platform == "win32":
        import ctypes

        ctypes.windll.kernel32.SetThreadExecutionState(_ES_CONTINUOUS | _ES_SYSTEM_REQUIRED)
        try:
            yield
        finally:
            ctypes.windll.kernel32.SetThreadExecutionState(_ES_CONTINUOUS)
        return
    try:
        # `cat` ends with its stdin, even if this process is killed.
        quiet = subprocess.DEVNULL
        child = subprocess.Popen([*_KEEP_AWAKE, "cat"], stdin=subprocess.PIPE, stdout=quiet, stderr=quiet)
    except OSError:
        yield
        return
    try:
        yield
    finally:
        assert child.stdin
        child.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            child.wait(2)
