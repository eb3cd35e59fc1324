"""What a stored row is to those who do not store it: values by column name."""

from collections.abc import Iterable
from typing import Any, Protocol


class Row(Protocol):
    """A database record, or a mapping with the same names."""

    def __getitem__(self, name: str, /) -> Any:
        """Return a column's value."""

    def keys(self) -> Iterable[str]:
        """Return the columns' names."""
