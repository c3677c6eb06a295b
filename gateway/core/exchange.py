"""What does the gateway know about one request on its way through?"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, BinaryIO, Final, Protocol

from gateway.core.upstream_response import UpstreamResponse


def milliseconds(seconds: float) -> str:
    """Return s as ms with one decimal; most waits are none, which is cheaper to say."""
    return "%.1f" % (seconds * 1000) if seconds else "0.0"


class Waits:
    """Where an exchange's time went, s."""

    queue: float = 0.0
    permit: float = 0.0
    token: float = 0.0
    backoff: float = 0.0
    upstream: float = 0.0


class Body:
    """A request body that can be sent again: in memory, or spilled to a file."""

    __slots__ = ("data", "file", "size")

    def __init__(self, data: bytes = b"", file: BinaryIO | None = None) -> None:
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


class Peer(Protocol):
    """The caller's connection; `transport` is None once it is gone."""

    @property
    def transport(self) -> object | None:
        """Return the connection's transport."""


EMPTY_BODY: Final = Body()
_NO_CONTROL: Final[Mapping[str, str]] = MappingProxyType({})


class Exchange:
    """One inbound request and what became of it; stages fill it in as it passes.

    Moments are monotonic. Defaults stand on the class: most fields of most requests
    keep theirs, and setting forty of them for each request would be felt.
    """

    path: str = "/"  # raw, without query
    query: str | None = None  # raw; None where the target has no "?"
    plain_path: str = "/"  # decoded, for rules only, never sent
    route: str = "other"  # the template used as a label
    caller: str = "other"
    certified: bool = False  # the caller's name comes from its client certificate
    interactive: bool = True
    background: bool = False  # batch work that may take a fiftieth of the quota
    headers: Sequence[tuple[str, str]] = ()  # to be relayed
    control: Mapping[str, str] = _NO_CONTROL  # lower-case names
    deadline: float = 0.0
    key: str | None = None  # as the caller sees it
    upstream_key: str | None = None  # as Dinie sees it
    key_minted: bool = False
    fingerprint: bytes = b""
    body: Body = EMPTY_BODY
    content_type: str = ""
    upload: bool = False
    repeatable: bool = True  # False: its effect cannot be repeated once received
    own_bearer: bool = False  # the caller's own bearer passes untouched
    canary: bool = False  # this attempt carries the next credential
    retrying_caller: bool = False
    outbound: Iterable[tuple[str, str]] = ()  # headers of each attempt
    authorization: str | None = None  # of the next attempt; None: the caller's own
    # Has the intent on disk; runs once, right before the first byte goes out.
    before_send: Callable[[], Awaitable[None]] | None = None
    sends: int = 0  # requests written to a connection
    unknown_sends: int = 0  # sends whose outcome nobody knows
    in_doubt: bool = False  # nor that of an earlier request under the same key
    became_unknown: bool = False  # nor that of the whole POST, from now on
    out_of_time: bool = False  # its own deadline is why it was not tried any longer
    status: int = 0  # the status sent to the caller; 0 while none
    slug: str | None = None
    note: str | None = None  # X-Gateway-Retry
    retry_after: float | None = None  # s; what Dinie asked for, on a relayed refusal
    untyped: bool = False  # Dinie's answer has no Content-Type, nor may ours
    lost_headers: int = 0  # headers of Dinie's answer that could not be relayed
    held: UpstreamResponse | None = None  # the unread response, with its slot
    steps: list[tuple[object, ...]] | None = None  # what happened, for `explain`

    def __init__(  # noqa: PLR0917 - one caller, on the hot path
        self,
        request_id: str,
        method: str,
        target: str,
        started: float,
        peer: Peer | None = None,
        echoed_id: str = "",
        **known: Any,
    ) -> None:
        """Begin an exchange.

        Args:
            request_id: Ours, or the caller's where that is usable.
            method: Of the request.
            target: Path and query after prefix stripping, raw.
            started: s, monotonic.
            peer: The caller's connection.
            echoed_id: The X-Request-Id of the answer.
            known: Further fields.
        """
        self.request_id = request_id
        self.method = method
        self.target = target
        self.started = started
        self.peer = peer
        self.echoed_id = echoed_id
        self.waits = Waits()
        for name, value in known.items():
            setattr(self, name, value)

    def step(self, at: float, what: str, *facts: object) -> None:
        """Note something that happened at a moment; facts from closed sets only."""
        if self.steps is None:
            self.steps = [(at, what, *facts)]
        else:
            self.steps.append((at, what, *facts))

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
        """Whether nobody is there any more to read an answer."""
        return self.peer is not None and self.peer.transport is None
