"""The state machine of a credential rotation. Pure.

    creating -> stored -> canary -> promoting -> soaking -> revoking -> deleting -> done
    any of these before `deleting` -> restoring -> withdrawing -> aborted
    restoring or withdrawing -> soaking, where only the new credential works

A phase is stored before its step is taken, and each step can be repeated, so that any
later run can continue a rotation. Source: `docs/adr/0009-rotation.md`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, get_args

from gateway.core.secret import Secret
from gateway.core.timestamps import LAST
from gateway.rotation.options import RotationOptions

Phase = Literal[
    "creating",
    "stored",
    "canary",
    "promoting",
    "soaking",
    "revoking",
    "deleting",
    "done",
    "restoring",
    "withdrawing",
    "aborted",
]
ENDED: Final = frozenset({"done", "aborted"})
BACK: Final = frozenset({"restoring", "withdrawing"})
NEXT: Final = (
    "next_client_id",
    "next_client_secret",
    "next_client_created_at",
    "next_client_expires_at",
    "next_client_rotation",
)
SETTLE: Final = 150.0  # s; the least in which all gateways read a changed secret
READS: Final = 2.5  # intervals between reads in which they do, too
REPLAY: Final = (
    86_000.0  # s for which Dinie replays a response under its key, with a margin
)
BUSY: Final = 259_200.0  # s; after so long a use of the old one is an oversight

NAMED: Final = "gateway-rotation-"  # begins the name of a credential at Dinie
NONE: Final = Secret("")
# Reported when a phase has been reached, and while it lasts.
DONE: Final[Mapping[Phase, str]] = {
    "creating": "",
    "stored": "A new credential is created and stored as next_client_id.",
    "canary": "The new credential is proven; gateways try it on a share of GETs.",
    "promoting": "The new credential is proven again.",
    "soaking": "The new credential is in force; gateways follow at their next read.",
    "revoking": "The new credential has served for its soak.",
    "deleting": "The old credential is idle.",
    "done": "The old credential is revoked; the rotation is done.",
    "restoring": "",
    "withdrawing": "The old credential is in force again.",
    "aborted": "The new credential is revoked; the rotation is aborted.",
}
WAITING: Final[Mapping[str, str]] = {
    "canary": "Gateways try the new credential on a share of GETs.",
    "soaking": "The new credential is in force; the old one still works.",
    "revoking": "The old credential was used not long ago; it is revoked once idle.",
    "withdrawing": "Gateways go back to the old credential.",
}


_KEPT: Final = (
    "old_secret",
    "old_created",
    "old_expires",
    "new_secret",
    "new_created",
    "new_expires",
)
# Phases that a rotation may be in before its credential was created.
_WITHOUT_NEW: Final = frozenset({"creating", "restoring", "withdrawing", "aborted"})


@dataclass(frozen=True, slots=True)
class State:
    """A rotation as it is stored; moments are Unix, s."""

    id: str
    phase: Phase
    started: float
    since: float  # when the phase began
    old_id: str
    new_id: str = ""
    old_secret: Secret = NONE  # kept while a rollback is possible
    old_created: Secret = NONE  # its client_created_at, as it was stored
    old_expires: Secret = NONE
    new_secret: Secret = NONE  # kept during a rollback, which may turn forward
    new_created: Secret = NONE
    new_expires: Secret = NONE
    promoted: bool = False  # whether the new one was ever in force

    def __repr__(self) -> str:
        return f"State(id={self.id!r}, phase={self.phase!r})"

    @property
    def key(self) -> str:
        """Return the idempotency key of the creation."""
        return f"rotation-{self.id}"

    @property
    def name(self) -> str:
        """Return the credential's name at Dinie."""
        return f"{NAMED}{self.id}"

    def to(self, phase: Phase, now: float, **changes: object) -> "State":
        """Return the state in another phase, with further changes."""
        return replace(self, phase=phase, since=now, **changes)  # type: ignore[arg-type]

    def ended(self, phase: Phase, now: float) -> "State":
        """Return the state at its end, without secrets."""
        return self.to(phase, now, **dict.fromkeys(_KEPT, NONE))


@dataclass(frozen=True, slots=True)
class ListedCredential:
    """A credential as Dinie lists it; moments are Unix, s."""

    client_id: str
    name: str
    active: bool
    created: float | None
    expires: float | None
    last_used: float | None


def write(state: State) -> dict[str, Secret]:
    """Return the fields of a state."""
    return {
        "id": Secret(state.id),
        "phase": Secret(state.phase),
        "started": Secret(f"{state.started:.0f}"),
        "since": Secret(f"{state.since:.0f}"),
        "old_client_id": Secret(state.old_id),
        "new_client_id": Secret(state.new_id),
        "old_client_secret": state.old_secret,
        "old_client_created_at": state.old_created,
        "old_client_expires_at": state.old_expires,
        "new_client_secret": state.new_secret,
        "new_client_created_at": state.new_created,
        "new_client_expires_at": state.new_expires,
        "promoted": Secret("yes" if state.promoted else "no"),
    }


_FIELDS: Final = tuple(write(State("", "creating", 0.0, 0.0, "")))


def read(fields: Mapping[str, Secret]) -> State | None:
    """Return the state in some fields; None: there was never a rotation.

    Raises:
        ValueError: they are no state, or a part of it is missing. The text does not
            repeat their content.
    """
    text = {name: value.reveal() for name, value in fields.items()}
    if not any(text.get(name) for name in _FIELDS):
        return None
    phase = text.get("phase", "")
    if phase not in get_args(Phase):
        raise ValueError("the phase is unknown")
    needed = ["id", "started", "since", "old_client_id"]
    needed += [] if phase in _WITHOUT_NEW else ["new_client_id"]
    if missing := [name for name in needed if not text.get(name)]:
        raise ValueError(f"{missing[0]} is missing")
    return State(
        id=text["id"],
        phase=phase,  # type: ignore[arg-type]
        started=moment(text, "started"),
        since=moment(text, "since"),
        old_id=text["old_client_id"],
        new_id=text.get("new_client_id", ""),
        old_secret=fields.get("old_client_secret", NONE),
        old_created=fields.get("old_client_created_at", NONE),
        old_expires=fields.get("old_client_expires_at", NONE),
        new_secret=fields.get("new_client_secret", NONE),
        new_created=fields.get("new_client_created_at", NONE),
        new_expires=fields.get("new_client_expires_at", NONE),
        promoted=text.get("promoted") == "yes",
    )


def describe(fields: Mapping[str, Secret]) -> tuple[str, float | None]:
    """Return a rotation's phase in words, and since when, Unix.

    Raises:
        ValueError: the state cannot be read.
    """
    state = read(fields)
    if state is None:
        return "There was no rotation yet.", None
    return f"Rotation {state.id} is at {state.phase!r} since", state.since


def moment(fields: Mapping[str, str], name: str) -> float:
    """Return a moment of some fields, Unix, s.

    Raises:
        ValueError: the field is no moment; the text does not repeat its content.
    """
    try:
        read = float(fields.get(name) or 0)
    except ValueError:
        read = -1.0
    if not 0 <= read < LAST:
        raise ValueError(f"{name} is no moment")
    return read


def due_at(
    created: float | None, expires: float | None, options: RotationOptions
) -> float | None:
    """Return when a credential is to be replaced, Unix; None: its age is unknown.

    Args:
        created: Unix, s; None: unknown.
        expires: Unix, s; None: unknown.
        options: Of the rotation.
    """
    ends = [] if created is None else [created + options.interval]
    ends += [] if expires is None else [expires]
    return min(ends) - options.early if ends else None


def ends_at(
    created: float | None, expires: float | None, options: RotationOptions
) -> float | None:
    """Return the end of a credential's life, Unix; the arguments are `due_at`'s."""
    due = due_at(created, expires, options)
    return None if due is None else due + options.early


def wait_until(
    state: State,
    options: RotationOptions,
    old: ListedCredential | None,
    *,
    settle: float = SETTLE,
) -> float | None:
    """Return when the step of a phase can be taken, Unix; None: now.

    Args:
        state: The rotation.
        options: The spans.
        old: The old credential in Dinie's list, for `revoking`.
        settle: s in which all gateways read a changed secret.
    """
    if state.phase == "canary":
        return state.since + options.canary
    if state.phase == "soaking":
        return state.since + options.soak
    if state.phase == "revoking" and old is not None and old.last_used is not None:
        return old.last_used + options.idle
    if state.phase == "withdrawing" and state.promoted:
        return state.since + settle
    return None


def is_forgotten(state: State, old: ListedCredential | None) -> bool:
    """Return whether the old credential is in use days after the swap."""
    if old is None or old.last_used is None:
        return False
    return old.last_used - state.since > BUSY


def settle(refresh: float) -> float:
    """Return the s in which all gateways, reading every `refresh` s, see a change."""
    return max(SETTLE, READS * refresh)


def find(
    credentials: Sequence[ListedCredential], client_id: str
) -> ListedCredential | None:
    """Return a credential of a list by its id; None: it is not there."""
    return next((one for one in credentials if one.client_id == client_id), None)


def plan(options: RotationOptions, *, now: float) -> list[tuple[str, float]]:
    """Return the steps of a rotation that begins now, and when each is due, Unix."""
    promoted = now + options.canary
    revocable = promoted + options.soak
    return [
        ("create a credential at Dinie and store it as next_client_id", now),
        ("prove it: get a token with it, GET /banks", now),
        (f"send {options.canary_share:.0%} of GETs with it", now),
        ("make it the credential of all gateways", promoted),
        ("look whether the old one is idle", revocable),
        ("revoke the old one", revocable + options.idle),
    ]
