"""No single change of a signed badge is ever found good, and members in another order change nothing."""

from copy import deepcopy

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from shared.credentials.check import check_document
from shared.credentials.report import BESIDE
from tests.support.alterations import SCALARS, TERMS, altered, as_sets
from tests.support.badges import NOW, a_badge, a_signed_badge, at, paths
from tests.support.examples import examples


def _is_good(document):
    checks = check_document(document, now=NOW).checks
    return all(check.outcome == "pass" for check in checks if check.name not in BESIDE)


_SIGNED = a_signed_badge()


@examples(150)
@given(altered(_SIGNED))
def test_a_badge_changed_in_any_member_at_any_depth_is_never_found_good(document):
    assume(as_sets(document) != as_sets(_SIGNED))
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


@examples(100)
@given(
    st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(TERMS), inner), max_leaves=15)
)
def test_no_document_raises_and_none_that_is_unsigned_is_good(document):
    assert not _is_good(document)
    if isinstance(document, dict):
        assert not _is_good(a_badge() | document)
