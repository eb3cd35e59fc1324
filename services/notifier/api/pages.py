"""What both lists of the notifier do alike: read a cursor, and make the next one."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any

from fastapi import Query

from shared.errors import Malformed
from shared.web import pagination
from shared.web.auth import Principal

Limit = Annotated[int, Query(ge=1, le=pagination.MAX_LIMIT)]
Cursor = Annotated[str | None, Query(max_length=1000)]


def place(cursor: str | None, principal: Principal, what: str, *readers: Callable[[str], Any]) -> Any:
    """Return the sort values in `cursor`, each read by its reader; None where none was sent. Raises as `after` does."""
    values = pagination.after(cursor, principal.tenant_id, what)
    if values is None:
        return None
    try:
        return tuple(read(value) for read, value in zip(readers, values, strict=True))
    except (ValueError, TypeError, AttributeError) as error:
        raise Malformed("cursor_malformed", "This is no cursor of this list.") from error


def following(items: Sequence[Any], limit: int, principal: Principal, what: str, *names: str) -> str | None:
    """Return the cursor of the page behind `items`, which are sorted by the members `names`; None on the last."""
    if len(items) < limit:
        return None
    return pagination.cursor(principal.tenant_id, what, *(str(getattr(items[-1], name)) for name in names))
