"""A slice of `make fuzz`, the same inputs each time: nothing but our own errors comes out, and nothing takes long."""

from random import Random

from tests.fuzz.generated import run_generated
from tests.fuzz.run import run_mutated
from tests.fuzz.shapes import large_shapes, shapes
from tests.fuzz.targets import look_into


def test_what_the_inputs_are_made_from_is_read_without_a_finding():
    for shape in (*shapes(), *large_shapes()):
        assert look_into(shape, shape.raw).finding is None, shape.name


def test_two_thousand_real_inputs_with_changes_raise_nothing_and_take_no_time():
    found = run_mutated(2_000, Random(20261126))
    assert found.findings == []
    assert found.count == 2_000


def test_three_hundred_inputs_made_from_nothing_raise_nothing_and_take_no_time():
    found = run_generated(300, 20261126)
    assert found.findings == []
    assert found.count > 150  # Hypothesis may run out of new ones
