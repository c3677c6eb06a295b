"""An exchange: one inbound request on its way through the gateway.

It is split by who may write. What the request said is frozen once its head is read.
What was decided stands on the exchange, each field written by one or two rooms. What
happened is the history, to which is only added. The comment of a field names its
writers first, and a test compares that with the code.
"""

from collections.abc import (
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from types import MappingProxyType
from typing import BinaryIO, Final, NamedTuple, Protocol

from gateway.core.upstream_response import UpstreamResponse


def milliseconds(seconds: float) -> str:
    """Return s as ms with one decimal; most waits are none, which is cheaper to say."""
    return "%.1f" % (seconds * 1000) if seconds else "0.0"


class Body:
    """A request body that can be sent again: in memory, or spilled to a file."""

    __slots__ = ("data", "file", "size")

    def __init__(self, data: bytes = b"", file: BinaryIO | None = None) -> None:
        """Hold a body.

        Args:
            data: The whole body, where it is in memory.
            file: Has the whole body, where it was spilled; closed by `close`.
        """
        self.data = data
        self.file = file  # positioned anywhere; `chunks` rewinds
        if file is None:
            self.size = len(data)
        else:
            self.size = file.seek(0, 2)

    def chunks(self, size: int = 64 * 1024) -> Iterator[bytes]:
        """Yield the whole body from its start, blocking on the disk when spilled."""
        if self.file is None:
            if self.data:
                yield self.data
            return
        self.file.seek(0)
        while chunk := self.file.read(size):
            yield chunk

    def close(self) -> None:
        """Give the spilled file back."""
        if self.file is not None:
            self.file.close()


EMPTY_BODY: Final = Body()


class Target(NamedTuple):
    """What a request's target says. Kept and shared by requests for the same one."""

    raw: str = ""  # path and query after prefix stripping, as it is sent
    path: str = "/"  # raw, without query
    plain_path: str = "/"  # decoded, for rules only, never sent
    route: str = "other"  # the template used as a label
    repeatable: bool = True  # False: its effect cannot be repeated once received


class Head(NamedTuple):
    """What the rest of a request's head says."""

    headers: Sequence[tuple[str, str]] = ()  # to be relayed
    control: Mapping[str, str] = MappingProxyType({})  # lower-case names
    content_type: str = ""
    interactive: bool = True
    background: bool = False  # batch work that may take a fiftieth of the quota
    retrying_caller: bool = False


UNREAD_TARGET: Final = Target()
UNREAD_HEAD: Final = Head()


class Waits:
    """Where an exchange's time went, s."""

    queue: float = 0.0  # admission, idempotency: for a slot, or for a leader
    permit: float = 0.0  # ratelimit: for a place in the quota
    token: float = 0.0  # credentials: for a token
    backoff: float = 0.0  # retry: between attempts
    upstream: float = 0.0  # transport: with Dinie, connecting included


class History:
    """What happened to an exchange. Counts grow, and facts are added."""

    sends: int = 0  # client, idempotency: requests written to a connection
    unknown_sends: int = 0  # retry, idempotency: those with an unknown outcome
    became_unknown: bool = False  # idempotency: the POST's outcome, from now on
    out_of_time: bool = False  # retry, transport: its own deadline ended the attempts
    status: int = 0  # telemetry: sent to the caller; 0 while none
    slug: str | None = None  # boundary, relay, responses, streaming: of the problem
    note: str | None = None  # retry, idempotency, boundary, responses: X-Gateway-Retry
    # retry, idempotency: s; what Dinie asked for, on a relayed refusal
    retry_after: float | None = None
    # responses, idempotency: the response has no Content-Type, nor may it get one
    untyped: bool = False
    lost_headers: int = 0  # responses: headers of Dinie's that could not be relayed
    steps: list[tuple[object, ...]] | None = None  # exchange: for `explain`

    def __init__(self) -> None:
        """Begin with nothing."""
        self.waits = Waits()

    def adopt(self, leader: "History") -> None:
        """Take over what another exchange's response says of their common request."""
        self.note = leader.note
        self.sends = leader.sends
        self.unknown_sends = leader.unknown_sends
        self.untyped = leader.untyped
        self.retry_after = leader.retry_after

    def step(self, at: float, what: str, *facts: object) -> None:
        """Add a step.

        Args:
            at: s, monotonic.
            what: Its name in `explain`.
            facts: From closed sets only.
        """
        if self.steps is None:
            self.steps = [(at, what, *facts)]
        else:
            self.steps.append((at, what, *facts))


class Peer(Protocol):
    """The caller's connection; `transport` is None once it is gone."""

    @property
    def transport(self) -> object | None:
        """Return the connection's transport."""


class Exchange:
    """One inbound request and what becomes of it.

    Moments are monotonic. Defaults stand on the class: most fields of most requests
    keep theirs, and setting forty of them for each request would be felt.
    """

    # What the request said, frozen once it is read.
    target: Target = UNREAD_TARGET  # request_head: in one piece
    head: Head = UNREAD_HEAD  # request_head: in one piece

    # What was decided.
    caller: str = "other"  # identity: by proof, or as said on this host
    certified: bool = False  # identity: the name is that of a client certificate
    own_bearer: bool = False  # request_head, identity: the caller's passes untouched
    body: Body = EMPTY_BODY  # admission, boundary: read by one, dropped by the other
    upload: bool = False  # admission: its route has a larger cap and more time
    deadline: float = 0.0  # deadline: after which no work is begun
    key: str | None = None  # idempotency: as the caller sees it
    upstream_key: str | None = None  # idempotency: as Dinie sees it
    key_generated: bool = False  # idempotency: the caller sent none
    fingerprint: bytes = b""  # idempotency: of method, path, query and body
    in_doubt: bool = False  # idempotency: an earlier outcome of the key is unknown
    # idempotency, exchange: writes the intent to disk, right before the first byte
    before_send: Callable[[], Awaitable[None]] | None = None
    outbound: Iterable[tuple[str, str]] = ()  # relay: headers of each attempt
    # credentials: of the next attempt; None: the caller's own
    authorization: str | None = None
    canary: bool = False  # credentials: this attempt carries the next credential
    held: UpstreamResponse | None = None  # exchange: the unread response, and its slot

    def __init__(
        self,
        request_id: str,
        method: str,
        started: float,
        peer: Peer | None = None,
        echoed_id: str = "",
    ) -> None:
        """Begin an exchange.

        Args:
            request_id: Ours, or the caller's where that is usable.
            method: Of the request.
            started: s, monotonic.
            peer: The caller's connection.
            echoed_id: The X-Request-Id of the response.
        """
        self.request_id = request_id
        self.method = method
        self.started = started
        self.peer = peer
        self.echoed_id = echoed_id
        self.history = History()

    async def begin_send(self) -> None:
        """Do what comes before the first byte; what fails is done again next time."""
        if self.before_send is not None:
            await self.before_send()
            self.before_send = None

    def hold(self, response: UpstreamResponse) -> None:
        """Take over an unread response; an attempt's lease ends before the next one."""
        self.end_attempt()
        self.held = response

    def end_attempt(self) -> None:
        """End what the last attempt still holds; more than once is fine."""
        held, self.held = self.held, None
        if held is not None:
            held.end()

    @property
    def caller_gone(self) -> bool:
        """Whether the caller's connection is gone."""
        return self.peer is not None and self.peer.transport is None
