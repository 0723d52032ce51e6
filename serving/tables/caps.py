"""What a table may hold, and what is said when it holds more."""

from collections.abc import Sequence
from dataclasses import dataclass

from mutualist.errors import InputError

MAX_FILE_COLUMNS = 10_000  # in the file; most may go unused
MAX_NAME = 500  # characters


@dataclass(frozen=True)
class Caps:
    """Limits of one table.

    Attributes:
        rows, columns, values: of what is used.
        memory_mib: of the process that unpacks it.
    """

    rows: int
    columns: int
    values: int
    memory_mib: int

    def check_width(self, columns: int) -> None:
        """Raises InputError for a file that is too wide to be looked at."""
        if columns > MAX_FILE_COLUMNS:
            raise InputError(
                f"the table has more than {MAX_FILE_COLUMNS:,} columns; send the columns to be estimated alone"
            )

    def check_names(self, names: Sequence[str]) -> None:
        """Raises InputError for a name that is too long to be said again."""
        if long := next((name for name in names if len(name) > MAX_NAME), None):
            raise InputError(f"a column has a name of {len(long):,} characters and the limit is {MAX_NAME}; shorten it")

    def check_shape(self, rows: int, columns: int) -> None:
        """Raises InputError for more rows, columns or values than are allowed."""
        if columns > self.columns:
            raise InputError(
                f"{columns:,} columns are to be used and the limit is {self.columns:,}; name fewer, or send fewer"
            )
        if rows > self.rows:
            raise InputError(
                f"the table has {rows:,} rows and the limit is {self.rows:,}; send a random part of the rows"
            )
        if rows * columns > self.values:
            raise InputError(
                f"{rows:,} rows of {columns:,} columns are {rows * columns:,} values and the limit is "
                f"{self.values:,}; send fewer"
            )
