"""The typed errors; their messages say what was expected, what was found and what to do."""


class FakdError(Exception):
    """An error that the user can act on; shown as one clear message, never as a traceback."""


class ConfigError(FakdError):
    """A setting is missing, unknown or out of range."""


class UnsupportedArchitectureError(FakdError):
    """No registered network matches a checkpoint or a name."""


class CheckpointError(FakdError):
    """A checkpoint can't be read, or its keys and shapes don't fit the network."""


class FeatureTapError(FakdError):
    """Feature maps can't be compared: wrong layer, wrong shape."""


class DataError(FakdError):
    """An image or a folder of images can't be used."""


class ExportError(FakdError):
    """A network can't be exported to a format, or its output would differ there."""


class RunError(FakdError):
    """A run folder is missing, incomplete or in use."""


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or its type if it has none."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def describe_unexpected(error: BaseException) -> str:
    """One line for an error that is no `FakdError`, with what to do if that is known."""
    name = type(error).__name__
    if isinstance(error, MemoryError) or name == "OutOfMemoryError":
        return "Not enough memory: use a smaller batch, patch, tile or image, or close other programs."
    return f"Unexpected {name}: {error}"
