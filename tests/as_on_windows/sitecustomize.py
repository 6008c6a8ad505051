"""Takes away what Windows lacks; Python imports this at its start if this folder is on PYTHONPATH.

Modules and functions are missing for our own packages only: the libraries have other code on Windows, which
can't run here.
"""

from __future__ import annotations

import builtins
import errno
import fcntl
import io
import os
import shutil
import signal
import stat
import types
import warnings
from collections.abc import Callable
from typing import Any

OURS = ("fakd_core", "fakd_gui")
MODULES = frozenset({"fcntl", "grp", "pty", "pwd", "resource", "syslog", "termios", "tty"})
MISSING = {
    "os": (
        *(
            "O_CLOEXEC",
            "O_DIRECT",
            "O_DIRECTORY",
            "O_NOFOLLOW",
            "O_SYNC",
            "chown",
            "fchmod",
            "fork",
            "getgid",
        ),
        *("getloadavg", "getpgid", "getuid", "geteuid", "killpg", "mkfifo", "nice", "posix_spawn"),
        *("pread", "preadv", "pwrite", "pwritev", "sched_getaffinity", "setsid", "statvfs", "sync", "uname"),
    ),
    "signal": (
        "SIGALRM",
        "SIGCHLD",
        "SIGHUP",
        "SIGKILL",
        "SIGPIPE",
        "SIGQUIT",
        "SIGUSR1",
        "SIGUSR2",
        "alarm",
    ),
}
"""Names that these modules lack on Windows."""

_import, _open_file, _unlink, _replace, _rename, _open, _fsync = (
    *(builtins.__import__, io.open),
    *(os.unlink, os.replace, os.rename, os.open, os.fsync),
)


_limited: dict[str, types.ModuleType] = {}


def import_module(name: str, globals: Any = None, *more: Any, **named: Any) -> types.ModuleType:
    if not globals or str(globals.get("__name__")).partition(".")[0] not in OURS:
        return _import(name, globals, *more, **named)
    if name in MODULES:
        raise ModuleNotFoundError(f"No module named {name!r}")
    return _limited.get(name) or _import(name, globals, *more, **named)


def _mapped() -> set[str]:
    with _open_file("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as file:
        lines = [line.rstrip("\n").split(maxsplit=5) for line in file]
    return {line[5] for line in lines if len(line) == 6}


def _opened() -> set[str]:
    found = set()
    for number in os.listdir("/proc/self/fd"):
        try:
            found.add(os.readlink(f"/proc/self/fd/{number}"))
        except OSError:  # That of the listing itself.
            continue
    return found


def refuse_in_use(path: Any) -> None:
    """Raise `PermissionError` if this process has the file open or mapped, or one in the folder."""
    real = os.path.realpath(os.fsdecode(path))
    if any(used == real or used.startswith(f"{real}/") for used in _mapped() | _opened()):
        raise PermissionError(errno.EACCES, "The process cannot access the file: it is being used", str(path))


def unlink(path: Any, **named: Any) -> None:
    refuse_in_use(path)
    _unlink(path, **named)


def replace(source: Any, target: Any, **named: Any) -> None:
    for path in (source, target):
        refuse_in_use(path)
    _replace(source, target, **named)


def rename(source: Any, target: Any, **named: Any) -> None:
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, "Cannot create a file when that file already exists", str(target))
    refuse_in_use(source)
    _rename(source, target, **named)


def open_file(file: Any, mode: str = "r", *more: Any, **named: Any) -> Any:
    if "w" in mode and not isinstance(file, int) and os.path.realpath(os.fsdecode(file)) in _mapped():
        raise OSError(errno.EINVAL, "The requested operation cannot be performed on a mapped file", str(file))
    return _open_file(file, mode, *more, **named)


def open_number(path: Any, flags: int, *more: Any, **named: Any) -> int:
    if os.path.isdir(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))
    return _open(path, flags, *more, **named)


def fsync(file: int) -> None:
    if fcntl.fcntl(file, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY or stat.S_ISDIR(os.fstat(file).st_mode):
        raise OSError(errno.EBADF, "Bad file descriptor")
    _fsync(file)


def open_text(path: Any, *flags: int) -> int:
    if path == os.devnull:
        return _open(path, *flags)
    raise AssertionError(f"{path}: without O_BINARY Windows changes the line ends")


def kill(process: int, number: int) -> None:
    raise AssertionError(f"kill({process}, {number}): whatever the number, Windows ends the process")


def symlink(*_: Any, **__: Any) -> None:
    raise OSError(errno.EPERM, "A required privilege is not held by the client")


def take_away() -> None:
    shutil._use_fd_functions = False  # type: ignore[attr-defined]
    changed: dict[str, Callable[..., Any]] = {
        **{"unlink": unlink, "remove": unlink, "replace": replace, "rename": rename, "open": open_number},
        **{"fsync": fsync, "symlink": symlink},
    }
    for name, function in changed.items():
        setattr(os, name, function)
    for module in (os, signal):
        limited = _limited[module.__name__] = types.ModuleType(module.__name__)
        vars(limited).update(vars(module))
        for name in MISSING[module.__name__]:
            delattr(limited, name)
    vars(_limited["os"]).update(open=open_text, kill=kill)
    _limited["signal"].SIGBREAK = signal.SIGUSR1  # type: ignore[attr-defined]
    builtins.__import__ = import_module
    builtins.open = io.open = open_file
    warnings.filterwarnings("ignore", category=EncodingWarning)
    warnings.filterwarnings("error", category=EncodingWarning, module="fakd_")

    from fakd_core.system import platforms

    platforms.WINDOWS = True


take_away()
