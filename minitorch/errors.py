"""The exceptions that minitorch raises; each is also the built-in one that plain handlers expect."""

from __future__ import annotations

from minitorch.lazy import lazy

origin = lazy("minitorch.graph.origin")


class MinitorchError(Exception):
    """Base of every error that minitorch raises on purpose. As text it ends with the user's line."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message)
        self.place = origin.here()

    @property
    def message(self) -> str:
        """What is wrong, without the line where nobody has said it."""
        return str(self.args[0]) if self.args else ""

    def __str__(self) -> str:
        return self.message if "\n  in " in self.message else f"{self.message}\n  in {self.place!r}"


class ShapeError(MinitorchError, ValueError):
    """Sizes or ranks do not fit together."""


class DTypeError(MinitorchError, TypeError):
    """A dtype, or a kind of value, is not one that the operation takes."""


class ArgumentError(MinitorchError, TypeError):
    """A function was called with arguments that it does not take."""


class OptionError(MinitorchError, ValueError):
    """An argument is of the right kind, but not one of the values that it may have."""


class ImmutableError(MinitorchError, AttributeError):
    """An attribute was set that cannot be."""


class GradientError(MinitorchError, ValueError):
    """A gradient was asked for that does not exist."""


class GraphError(MinitorchError, ValueError):
    """A graph cannot be compiled as it was asked for: a missing input, an impossible update."""


class InputError(MinitorchError, ValueError):
    """A program was called with inputs that it cannot take. Nothing was changed."""


class OutOfRangeError(InputError, IndexError):
    """An index names what is not there. Nothing was changed."""


class NotTracedError(MinitorchError, ValueError, KeyError):
    """A value was asked for that no trace has."""


class NotFiniteError(MinitorchError, ValueError):
    """A fit met a loss or a new parameter that is not finite. The parameters are those of the step before.

    `epoch` and `batch` count from 1, `rows` are the rows of the batch, and `first_bad` says where it came from.
    """

    def __init__(
        self, message: str, epoch: int = 0, batch: int = 0, rows: object = (), first_bad: object = None
    ) -> None:
        super().__init__(message)
        self.epoch, self.batch, self.rows, self.first_bad = epoch, batch, rows, first_bad


class FileError(MinitorchError, ValueError):
    """A file is damaged, or is not the one that was expected. Nothing was changed."""


class CompilerError(MinitorchError, RuntimeError):
    """The C compiler is missing, does not work, or made nothing that can be loaded."""
