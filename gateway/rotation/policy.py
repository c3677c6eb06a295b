"""How far is a rotation, and what comes next? Pure.

    creating -> stored -> canary -> promoting -> soaking -> revoking -> done
    any of these before `revoking` -> restoring -> withdrawing -> aborted

Each phase is written down before its step is taken, and each step can be taken again:
whoever finds a rotation goes on with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, get_args

from gateway.rotation.options import RotationOptions
from gateway.secret import Secret

Phase = Literal[
    "creating",
    "stored",
    "canary",
    "promoting",
    "soaking",
    "revoking",
    "done",
    "restoring",
    "withdrawing",
    "aborted",
]
ENDED: Final = frozenset({"done", "aborted"})
ABORTABLE: Final = frozenset(
    {"creating", "stored", "canary", "promoting", "soaking", "restoring", "withdrawing"}
)
SETTLE: Final = 150.0  # s in which every gateway has read a swapped secret, twice over
REPLAY: Final = 86_000.0  # s for which Dinie repeats an answer under its key, less some


NONE: Final = Secret("")
# What is said when a phase has been reached, and while it lasts.
DONE: Final[Mapping[Phase, str]] = {
    "creating": "",
    "stored": "A new credential is created and stored as next_client_id.",
    "canary": "The new credential is proven; gateways try it on a share of GETs.",
    "promoting": "The new credential is proven again.",
    "soaking": "The new credential is in force; gateways follow in a minute or two.",
    "revoking": "The new credential has served for its soak.",
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


@dataclass(frozen=True, slots=True)
class State:
    """A rotation as it is written down; moments are Unix, s."""

    id: str
    phase: Phase
    started: float
    since: float  # when the phase began
    old_id: str
    new_id: str = ""
    old_secret: Secret = NONE  # kept while there is a way back
    promoted: bool = False  # whether gateways ever had the new one as theirs

    def __repr__(self) -> str:
        return f"State(id={self.id!r}, phase={self.phase!r})"

    @property
    def key(self) -> str:
        """Return the idempotency key of the creation."""
        return f"rotation-{self.id}"

    @property
    def name(self) -> str:
        """Return the credential's name at Dinie."""
        return f"gateway-rotation-{self.id}"

    def to(self, phase: Phase, now: float, **changes: object) -> "State":
        """Return the state in its next phase."""
        return replace(self, phase=phase, since=now, **changes)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Known:
    """A credential as Dinie lists it; moments are Unix, s."""

    client_id: str
    name: str
    active: bool
    created: float
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
        "promoted": Secret("yes" if state.promoted else "no"),
    }


def read(fields: Mapping[str, Secret]) -> State | None:
    """Return the state of its fields; None: there was never a rotation.

    Raises:
        ValueError: somebody wrote something else there.
    """
    text = {name: value.reveal() for name, value in fields.items()}
    if not text.get("id"):
        return None
    phase = text.get("phase", "")
    if phase not in get_args(Phase):
        raise ValueError(f"unknown phase {phase!r}")
    return State(
        id=text["id"],
        phase=phase,  # type: ignore[arg-type]
        started=float(text.get("started", "0")),
        since=float(text.get("since", "0")),
        old_id=text.get("old_client_id", ""),
        new_id=text.get("new_client_id", ""),
        old_secret=fields.get("old_client_secret", NONE),
        promoted=text.get("promoted") == "yes",
    )


def due_at(
    created: float | None, expires: float | None, options: RotationOptions
) -> float | None:
    """Return when a credential is to be replaced, Unix; None: its age is unknown."""
    ends = [] if created is None else [created + options.interval]
    ends += [] if expires is None else [expires]
    return min(ends) - options.early if ends else None


def ends_at(
    created: float | None, expires: float | None, options: RotationOptions
) -> float | None:
    """Return when a credential must not be used any more, Unix."""
    due = due_at(created, expires, options)
    return None if due is None else due + options.early


def wait_until(
    state: State, options: RotationOptions, old: Known | None
) -> float | None:
    """Return until when a phase has to wait, Unix; None: its step can be taken.

    Args:
        state: The rotation.
        options: The spans.
        old: The old credential as Dinie knows it, for `revoking`.
    """
    if state.phase == "canary":
        return state.since + options.canary
    if state.phase == "soaking":
        return state.since + options.soak
    if state.phase == "revoking" and old is not None and old.last_used is not None:
        return old.last_used + options.idle
    if state.phase == "withdrawing" and state.promoted:
        return state.since + SETTLE
    return None


def find(credentials: Sequence[Known], client_id: str) -> Known | None:
    """Return a credential by its id."""
    return next((one for one in credentials if one.client_id == client_id), None)


def plan(options: RotationOptions, *, now: float) -> list[tuple[str, float]]:
    """Return the steps of a rotation that begins now, and when each is due, Unix."""
    promoted = now + options.canary
    revocable = promoted + options.soak
    return [
        ("create a credential at Dinie and store it as next_client_id", now),
        ("prove it: mint a token with it, GET /banks", now),
        (f"send {options.canary_share:.0%} of GETs with it", now),
        ("make it the credential of all gateways", promoted),
        ("look whether the old one is idle", revocable),
        ("revoke the old one", revocable + options.idle),
    ]
