"""What the library raises. Messages have the form "[function] what: shapes or values. hint"."""


class Error(RuntimeError):
    """The base of everything that xtangent raises."""

    __module__ = "xtangent"


class ShapeError(Error, ValueError):
    """Arguments whose shapes do not fit."""

    __module__ = "xtangent"


class TapeError(Error):
    """A value of another recording."""

    __module__ = "xtangent"


class RuleError(Error):
    """An operation without the derivative that was asked for."""

    __module__ = "xtangent"


class BatchError(Error):
    """A kernel was asked for, of a network that mixes examples."""

    __module__ = "xtangent"


class DataError(Error, ValueError):
    """A file or an array of data that is truncated, corrupt, or out of range."""

    __module__ = "xtangent"


class ParameterError(Error, KeyError):
    """The name of a parameter or layer that a network does not have, or the parameters of another network."""

    __module__ = "xtangent"

    __str__ = RuntimeError.__str__  # that of KeyError puts the message into quotation marks


class OptionError(Error, ValueError):
    """A setting outside of its range."""

    __module__ = "xtangent"


class BudgetError(Error, MemoryError):
    """A memory budget that cannot be kept."""

    __module__ = "xtangent"


class NumericalError(Error, ArithmeticError):
    """NaN, infinity, or a matrix that a factorization cannot handle."""

    __module__ = "xtangent"
