"""A slice of `make fuzz`, the same inputs each time: nothing but our own errors comes out, and nothing takes long."""

from random import Random

import pytest

from tests.fuzz.generated import run_generated
from tests.fuzz.pages import pages
from tests.fuzz.run import run_mutated
from tests.fuzz.shapes import large_shapes, shapes
from tests.fuzz.targets import checked, document_or_token, look_into, presented
from tests.support.badges import LIST_URL


def test_what_the_inputs_are_made_from_is_read_without_a_finding():
    for shape in (*shapes(), *large_shapes()):
        assert look_into(shape, shape.raw).finding is None, shape.name


@pytest.mark.parametrize("name", pages())
def test_what_an_address_gives_is_read_to_its_end(name):
    """Were a page not asked for, or its badge refused before, what is made from it would show nothing."""
    given = next(shape for shape in shapes() if shape.comes_as == name)
    page = pages()[name]
    assert {"fail", "unknown"}.isdisjoint(_outcomes(page.asked_by, {page.address: given.raw.decode()}))
    assert not {"fail", "unknown"}.isdisjoint(_outcomes(page.asked_by, {page.address: "7"}))


def _outcomes(badge, there):
    return {each.outcome for each in checked(badge, {**_LIST, **there}).checks}


_LIST = {LIST_URL: next(shape.raw.decode() for shape in shapes() if shape.comes_as == "an endorsement's list")}


def test_presentations_and_credentials_with_terms_of_their_own_are_good_before_they_are_changed():
    for shape in shapes():
        value = document_or_token(shape.raw) if shape.comes_as in ("presentation", "credential") else None
        if shape.comes_as == "presentation":
            assert presented(value).signed, shape.name
        elif shape.comes_as == "credential":
            found = checked(value, _STATUS, vc_api=True)
            assert {"fail", "unknown"}.isdisjoint({each.outcome for each in found.checks}), (shape.name, found)


_STATUS = {LIST_URL: next(shape.raw.decode() for shape in shapes() if shape.comes_as == "status list")}


def test_real_inputs_with_changes_raise_nothing_and_take_no_time():
    found = run_mutated(1_200, Random(20261126))
    assert found.findings == []
    assert found.count == 1_200


def test_three_hundred_inputs_made_from_nothing_raise_nothing_and_take_no_time():
    found = run_generated(300, 20261126)
    assert found.findings == []
    assert found.count > 150  # Hypothesis may run out of new ones
