"""Checks the types of a JSON body's fields, as Dinie's contract has them."""

import math
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from gateway.simulator.response import Refusal


class Kind(NamedTuple):
    """What a field may be, and how a refusal calls it."""

    name: str
    fits: Callable[[Any], bool]


def check(content: dict[str, Any], **kinds: Kind) -> None:
    """Check the fields that are there; null is none.

    Raises:
        Refusal: 422, naming the first that is of another type.
    """
    for param, kind in kinds.items():
        value = content.get(param)
        if value is not None and not kind.fits(value):
            raise Refusal(422, "invalid_format", f"must be {kind.name}", param=param)


def number(value: Any) -> float:
    """Return an amount, which is text in one generation and a number in the other.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("neither text nor a number")  # noqa: TRY004 - as float()
    found = float(value)
    if not math.isfinite(found):
        raise ValueError("not finite")
    return found


def moment(value: Any) -> float:
    """Return a moment of either generation, s, Unix.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, str):
        return number(value)
    try:
        return datetime.fromisoformat(value).timestamp()
    except OverflowError as error:
        raise ValueError("no calendar goes so far") from error


def _reads(read: Callable[[Any], float]) -> Callable[[Any], bool]:
    def fits(value: Any) -> bool:
        try:
            read(value)
        except ValueError:
            return False
        return True

    return fits


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


TEXT = Kind("text", lambda value: isinstance(value, str))
TEXTS = Kind("a list of text", _are_texts)
WHOLE = Kind("a whole number", _is_whole)
AMOUNT = Kind("a number", _reads(number))
MOMENT = Kind("a moment", _reads(moment))
OBJECT = Kind("an object", lambda value: isinstance(value, dict))
