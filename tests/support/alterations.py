"""Single changes of a signed document, drawn by Hypothesis, and which of them JSON-LD takes for none."""

from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

from shared.credentials import contexts
from tests.support.badges import at, paths

TERMS = sorted(
    {"name", "id", "type", "image", "evidence", "tag", "url", "hashed", "salt", "proof", "validUntil", "@id"}
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
) | st.sampled_from(["https://x.example/1", "2030-01-01T00:00:00Z", "Profile", "Evidence", contexts.CREDENTIALS_V2])
_VALUES = st.recursive(
    SCALARS,
    lambda children: (
        st.lists(children, max_size=2)
        | st.dictionaries(st.sampled_from(TERMS) | st.text(max_size=5), children, max_size=2)
    ),
    max_leaves=4,
)


@st.composite
def altered(draw: st.DrawFn, signed: Any) -> Any:
    """Draw a copy of a document in which a value at any depth has come, gone or changed."""
    document = deepcopy(signed)
    path = draw(st.sampled_from(list(paths(document))))
    value = draw(_VALUES)
    node = at(document, path)
    if isinstance(node, dict) and draw(st.booleans()):
        node[draw(st.sampled_from(TERMS) | st.text(max_size=5))] = value
    elif isinstance(node, list) and draw(st.booleans()):
        node.insert(draw(st.integers(0, len(node))), value)
    elif path and draw(st.booleans()):
        del at(document, path[:-1])[path[-1]]
    elif path:
        at(document, path[:-1])[path[-1]] = value
    else:
        document = value
    return document


def as_sets(value: Any) -> Any:
    """Return what tells documents apart to JSON-LD, which reads an array as a set and one value as a set of one."""
    if isinstance(value, dict):
        return {name: as_sets(member) for name, member in value.items()}
    items = value if isinstance(value, list) else [value]
    return sorted(repr(as_sets(item) if isinstance(item, dict | list) else item) for item in items)
