"""Counts the requests inside, and the bodies that are still arriving.

A request holds a place once its body is whole. Until then another request may displace
it, that of the caller with most arriving bodies first, so that no caller fills the
gateway by sending slowly.
"""

from collections.abc import Callable, Mapping, Sequence

from gateway.admission.arrivals import Arrival, Arrivals
from gateway.admission.places import Places, Presence
from gateway.core.errors import Overloaded
from gateway.core.lanes import Lane


class Occupancy:
    """The places of the gateway, for all callers."""

    def __init__(
        self,
        size: int,
        *,
        presence: Presence | None = None,
        weights: Mapping[str, float] | None = None,
        shed: Sequence[Callable[[], bool]] = (),
    ) -> None:
        """Begin empty.

        Args:
            size: Requests and arriving bodies at once.
            presence: Tells whether a caller is alone; None: each is.
            weights: Of callers; others have 1.
            shed: Each refuses a batch request that waits, or returns False: none does.
        """
        self.places = Places(size, presence=presence, weights=weights)
        self.arrivals = Arrivals()
        self._shed = shed

    @property
    def inside(self) -> int:
        """The requests inside, those with arriving bodies included."""
        return self.places.size - self.places.free + len(self.arrivals)

    def enter(self, caller: str, lane: int) -> None:
        """Take a place for a request whose body is whole.

        Raises:
            Overloaded: there is none for this caller.
        """
        self._check(caller, lane)
        if self.places.free <= len(self.arrivals):
            self.arrivals.drop_for(None, lane)
        self.places.take(caller, lane)

    def leave(self, caller: str, lane: int) -> None:
        """Give a request's place back."""
        self.places.give(caller, lane)

    def expect(self, arrival: Arrival) -> None:
        """Count a body that begins to arrive.

        Raises:
            Overloaded: there is no room, and no body that it may displace.
        """
        caller, lane = arrival.caller, arrival.lane
        self._check(caller, lane)
        if self.places.full(lane, len(self.arrivals)) and not (
            self.arrivals.drop_for(caller, lane)
        ):
            raise _full()
        self.arrivals.add(arrival)

    def _check(self, caller: str, lane: int) -> None:
        places = self.places
        if places.over(caller, lane):
            raise Overloaded(
                "this caller has its share of the places (admission.max_queue), and "
                "there are others",
                retry_after=1.0,
            )
        # A batch request displaces no arriving body.
        besides = len(self.arrivals) if lane >= Lane.BATCH else 0
        # A request that is refused leaves at once; until then one more is inside.
        if places.full(lane, besides) and not (
            lane < Lane.BATCH and any(shed() for shed in self._shed)
        ):
            raise _full()


def _full() -> Overloaded:
    return Overloaded("the queue is full (admission.max_queue)", retry_after=1.0)
