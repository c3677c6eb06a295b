"""What does an entry of Dinie's lists say?"""

from datetime import UTC, datetime
from typing import Any, Final

from gateway.rotation.policy import LAST, Known

_MILLISECONDS: Final = 1e12  # as a Unix moment; in s it is the year 33658


def known(one: dict[str, Any]) -> Known:
    """Return a credential of a list, in either generation's names."""
    return Known(
        client_id=str(one.get("client_id") or one.get("id") or ""),
        name=str(one.get("name") or ""),
        active=one.get("status") != "revoked",
        created=unix(one.get("created_at")),
        expires=unix(one.get("expires_at")),
        last_used=unix(one.get("last_used_at")),
    )


def unix(moment: object) -> float | None:
    """Return a moment of either generation: a number (s or ms), or ISO 8601.

    None for anything else: an age that is not known must not pass for one that is.
    """
    if isinstance(moment, bool) or moment is None:
        return None
    if isinstance(moment, int | float):
        seconds = moment / 1000 if moment >= _MILLISECONDS else float(moment)
    else:
        try:
            read = datetime.fromisoformat(str(moment))
            seconds = (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            return None
    return seconds if 0 < seconds < LAST else None
