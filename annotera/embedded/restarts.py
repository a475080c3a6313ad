"""When a dead process may start again: at once, then ever later, until it has lived for a while."""

FIRST_DELAY = 0.2
LONGEST_DELAY = 5.0
HEALTHY_AFTER = 30.0


class Restarts:
    """The back-off of one process. Times are seconds of one monotonic clock."""

    def __init__(self) -> None:
        self.deaths = 0
        self._started_at = 0.0

    def started(self, *, at: float) -> None:
        self._started_at = at

    def died(self, *, at: float) -> float:
        """The time at which the next start is due."""
        if at - self._started_at >= HEALTHY_AFTER:
            self.deaths = 0
        delay = 0.0 if self.deaths == 0 else min(LONGEST_DELAY, FIRST_DELAY * 2 ** (self.deaths - 1))
        self.deaths += 1
        return at + delay
