"""No single change of a signed badge is ever found good, and members in another order change nothing."""

from copy import deepcopy

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from shared.credentials import contexts
from shared.credentials.check import check_document
from shared.credentials.report import BESIDE
from tests.support.badges import NOW, a_badge, a_signed_badge, at, paths


def _is_good(document):
    checks = check_document(document, now=NOW).checks
    return all(check.outcome == "pass" for check in checks if check.name not in BESIDE)


_SIGNED = a_signed_badge()
_TERMS = sorted(
    {"name", "id", "type", "image", "evidence", "tag", "url", "hashed", "salt", "proof", "validUntil", "@id"}
)
_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
) | st.sampled_from(["https://x.example/1", "2030-01-01T00:00:00Z", "Profile", "Evidence", contexts.CREDENTIALS_V2])
_VALUES = st.recursive(
    _SCALARS,
    lambda children: (
        st.lists(children, max_size=2)
        | st.dictionaries(st.sampled_from(_TERMS) | st.text(max_size=5), children, max_size=2)
    ),
    max_leaves=4,
)


@st.composite
def _altered(draw):
    document = deepcopy(_SIGNED)
    path = draw(st.sampled_from(list(paths(document))))
    value = draw(_VALUES)
    node = at(document, path)
    if isinstance(node, dict) and draw(st.booleans()):
        node[draw(st.sampled_from(_TERMS) | st.text(max_size=5))] = value
    elif isinstance(node, list) and draw(st.booleans()):
        node.insert(draw(st.integers(0, len(node))), value)
    elif path and draw(st.booleans()):
        del at(document, path[:-1])[path[-1]]
    elif path:
        at(document, path[:-1])[path[-1]] = value
    else:
        document = value
    return document


def _as_sets(value):
    """JSON-LD reads an array as a set, and one value as a set of one."""
    if isinstance(value, dict):
        return {name: _as_sets(member) for name, member in value.items()}
    items = value if isinstance(value, list) else [value]
    return sorted(repr(_as_sets(item) if isinstance(item, dict | list) else item) for item in items)


@settings(max_examples=600, deadline=None)
@given(_altered())
def test_a_badge_changed_in_any_member_at_any_depth_is_never_found_good(document):
    assume(_as_sets(document) != _as_sets(_SIGNED))
    assert not _is_good(document)


def test_one_value_and_an_array_of_it_are_the_same_to_a_proof_and_not_to_the_digest():
    badge = a_signed_badge()
    badge["issuer"]["type"] = "Profile"
    assert _is_good(badge)
    assert check_document(badge, now=NOW).facts.digest != check_document(_SIGNED, now=NOW).facts.digest


@pytest.mark.parametrize("path", list(paths(_SIGNED))[1:], ids=lambda path: ".".join(map(str, path)))
def test_a_badge_without_one_of_its_members_or_items_is_never_found_good(path):
    document = deepcopy(_SIGNED)
    del at(document, path[:-1])[path[-1]]
    assert not _is_good(document)


_LEAVES = [path for path in paths(_SIGNED) if not isinstance(at(_SIGNED, path), dict | list)]


@pytest.mark.parametrize("path", _LEAVES, ids=lambda path: ".".join(map(str, path)))
def test_a_value_in_another_json_type_or_with_one_more_character_is_never_found_good(path):
    value = at(_SIGNED, path)
    for other in (f"{value} ", str(value), str(value).lower(), str(value).upper(), None, not value, [], {}, -1):
        if other == value:
            continue
        document = deepcopy(_SIGNED)
        at(document, path[:-1])[path[-1]] = other
        assert not _is_good(document), other


@settings(max_examples=30, deadline=None)
@given(st.randoms(use_true_random=False))
def test_members_in_another_order_leave_a_badge_good(random):
    def shuffled(value):
        if isinstance(value, dict):
            return {name: shuffled(value[name]) for name in random.sample(list(value), len(value))}
        return [shuffled(item) for item in value] if isinstance(value, list) else value

    assert _is_good(shuffled(_SIGNED))


@settings(max_examples=300, deadline=None)
@given(
    st.recursive(
        _SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(_TERMS), inner), max_leaves=15
    )
)
def test_no_document_raises_and_none_that_is_unsigned_is_good(document):
    assert not _is_good(document)
    if isinstance(document, dict):
        assert not _is_good(a_badge() | document)
