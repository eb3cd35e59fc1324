"""The brake: when too much fails, a partition rests."""

from shared.messaging.brake import Brake, Limits


def test_fifty_failures_in_a_row_are_borne_and_the_next_is_not() -> None:
    brake = Brake(Limits())
    assert not any(brake.failed(0) for _ in range(50))
    assert brake.failed(0)


def test_a_success_ends_the_row() -> None:
    brake = Brake(Limits(records=10**6))
    for _ in range(5):
        assert not any(brake.failed(0) for _ in range(50))
        brake.succeeded(1, 0)
    assert not brake.engaged


def test_a_fifth_of_a_hundred_records_a_minute_engages_it() -> None:
    brake = Brake(Limits())
    for _ in range(19):
        brake.succeeded(4, 0)
        assert not brake.failed(0)
    brake.succeeded(4, 0)
    assert brake.failed(0)


def test_a_fifth_of_fewer_records_does_not() -> None:
    brake = Brake(Limits())
    brake.succeeded(70, 0)
    assert not any(brake.failed(0) for _ in range(29))


def test_what_is_older_than_a_minute_no_longer_counts() -> None:
    brake = Brake(Limits())
    for _ in range(40):
        brake.failed(0)
    brake.succeeded(100, 61)
    assert not brake.failed(61)


def test_after_its_rest_one_more_failure_of_a_row_begins_the_next_and_one_success_ends_it() -> None:
    brake = Brake(Limits(rest=60))
    for _ in range(51):
        brake.failed(0)
    assert not brake.rested(59)
    assert brake.rested(60)
    assert not brake.engaged
    assert brake.failed(60)
    assert brake.rested(120)
    brake.succeeded(1, 120)
    assert not brake.failed(121)
