"""Every error a user can meet, in one tree.

    MutualistError
    ├── InputError (ValueError)      data or arguments that cannot be used; the message says what to change
    ├── ConfigError (ValueError)     a configuration with an unknown key or an impossible value
    ├── DataError                    a meta-dataset, shard or table that is missing, foreign, truncated or damaged
    ├── WeightsError                 an export that is missing, damaged, or of a version that this release cannot read
    └── ServiceError                 a service that cannot be reached, refuses the caller, stays busy, or fails

A message says what came, what was expected, and what to do. The service answers the first with 422.
"""


class MutualistError(Exception):
    """Base of everything that mutualist raises on purpose."""


class InputError(MutualistError, ValueError):
    """Data or arguments that cannot be used as given."""


class ConfigError(MutualistError, ValueError):
    """A configuration with an unknown key or an impossible value."""


class DataError(MutualistError):
    """A meta-dataset, shard or table that is missing, foreign, truncated or damaged."""


class WeightsError(MutualistError):
    """Exported weights that are missing, damaged or unreadable by this release."""


class ServiceError(MutualistError):
    """A service that cannot be reached, refuses the caller, stays busy, or fails.

    Attributes:
        status: its HTTP status; None if it gave none.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status
