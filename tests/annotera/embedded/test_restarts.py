"""How long a dead process waits before it starts again."""

from annotera.embedded.restarts import Restarts


def test_the_first_death_restarts_at_once() -> None:
    restarts = Restarts()
    restarts.started(at=100.0)
    assert restarts.died(at=101.0) == 101.0


def test_deaths_in_a_row_wait_longer_each_time_up_to_a_limit() -> None:
    restarts = Restarts()
    delays = []
    for _ in range(9):
        restarts.started(at=100.0)
        delays.append(restarts.died(at=100.0) - 100.0)
    assert [round(delay, 3) for delay in delays] == [0.0, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0]


def test_a_process_that_lived_for_a_while_restarts_at_once_again() -> None:
    restarts = Restarts()
    for _ in range(5):
        restarts.started(at=100.0)
        restarts.died(at=100.0)
    restarts.started(at=100.0)
    assert restarts.died(at=131.0) == 131.0
    assert restarts.deaths == 1
