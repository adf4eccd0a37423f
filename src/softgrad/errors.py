"""The errors that softgrad raises.

    SoftgradError
    ├── ShapeError           also a ValueError    the shapes of arrays do not fit together
    ├── AxisError            also an IndexError   an array does not have this axis
    ├── DtypeError           also a TypeError     the entries of an array have a wrong type
    ├── LabelError           also an IndexError   a class index is outside 0..K-1
    ├── OptionError          also a ValueError    an option has an invalid value
    ├── DataError            also a ValueError    a table cannot be used: unreadable, incomplete, only one class
    ├── CheckError           also a ValueError    the gradient of a function cannot be checked
    ├── ModelError           also a ValueError    a model file is damaged, or softgrad did not write it
    ├── TrainingError        also a ValueError    training has diverged
    ├── WriteError           also an OSError      a file cannot be written
    └── MissingPackageError  also an ImportError  a package is not installed, and an extra would install it

A message names the function, the argument and the index; it says what was given, what is wanted, and a way out.
"""

__all__ = [
    "AxisError",
    "CheckError",
    "DataError",
    "DtypeError",
    "LabelError",
    "MissingPackageError",
    "ModelError",
    "OptionError",
    "ShapeError",
    "SoftgradError",
    "TrainingError",
    "WriteError",
]


class SoftgradError(Exception):
    """The base class of all errors that softgrad raises deliberately."""


class ShapeError(SoftgradError, ValueError):
    """The shapes of arrays do not fit together."""


class AxisError(SoftgradError, IndexError):
    """An array does not have this axis."""


class DtypeError(SoftgradError, TypeError):
    """The entries of an array have a wrong type, for example strings instead of numbers."""


class LabelError(SoftgradError, IndexError):
    """A class index is outside 0..K-1."""


class OptionError(SoftgradError, ValueError):
    """An option has an invalid value."""


class DataError(SoftgradError, ValueError):
    """A table cannot be used, for example because it is unreadable, incomplete or has only one class."""


class CheckError(SoftgradError, ValueError):
    """The gradient of a function cannot be checked."""


class ModelError(SoftgradError, ValueError):
    """A model file is damaged, or softgrad did not write it."""


class TrainingError(SoftgradError, ValueError):
    """Training has diverged."""


class WriteError(SoftgradError, OSError):
    """A file cannot be written."""


class MissingPackageError(SoftgradError, ImportError):
    """A package is not installed. An extra of softgrad would install it."""
