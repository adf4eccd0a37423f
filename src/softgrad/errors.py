"""The errors that softgrad raises.

    SoftgradError
    ├── ShapeError           also a ValueError    arrays whose shapes do not fit together
    ├── AxisError            also an IndexError   an axis that the array does not have
    ├── DtypeError           also a TypeError     entries that are not numbers of the wanted kind
    ├── LabelError           also an IndexError   a class outside 0..K-1
    ├── OptionError          also a ValueError    an option outside its choices
    ├── DataError            also a ValueError    a table that cannot be used: unreadable, incomplete, one class only
    ├── CheckError           also a ValueError    functions whose gradient cannot be checked
    ├── ModelError           also a ValueError    a model file that is damaged or not ours
    ├── TrainingError        also a ValueError    training that cannot go on
    ├── WriteError           also an OSError      a file that cannot be written
    └── MissingPackageError  also an ImportError  a package that an extra would install

A message says function, argument, index, got, wanted, way out.
"""


class SoftgradError(Exception):
    """Any error that softgrad raises on purpose."""


class ShapeError(SoftgradError, ValueError):
    """Arrays whose shapes do not fit together."""


class AxisError(SoftgradError, IndexError):
    """An axis that the array does not have."""


class DtypeError(SoftgradError, TypeError):
    """Entries that are not numbers of the wanted kind."""


class LabelError(SoftgradError, IndexError):
    """A class outside 0..K-1."""


class OptionError(SoftgradError, ValueError):
    """An option outside its choices."""


class DataError(SoftgradError, ValueError):
    """A table that cannot be used."""


class CheckError(SoftgradError, ValueError):
    """Functions whose gradient cannot be checked."""


class ModelError(SoftgradError, ValueError):
    """A model file that is damaged or not softgrad's."""


class TrainingError(SoftgradError, ValueError):
    """Training that cannot go on."""


class WriteError(SoftgradError, OSError):
    """A file that cannot be written."""


class MissingPackageError(SoftgradError, ImportError):
    """A package that an extra of softgrad would install."""
