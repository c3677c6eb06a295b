"""What does an entry of Dinie's lists say?"""

from typing import Any, Final

from gateway.core.timestamps import unix_of
from gateway.rotation.policy import ListedCredential

_GONE: Final = frozenset({"revoked", "expired"})


def listed_credential(one: dict[str, Any]) -> ListedCredential:
    """Return a credential of a list, in either generation's names."""
    return ListedCredential(
        client_id=str(one.get("client_id") or one.get("id") or ""),
        name=str(one.get("name") or ""),
        active=one.get("status") not in _GONE,
        created=unix_of(one.get("created_at")),
        expires=unix_of(one.get("expires_at")),
        last_used=unix_of(one.get("last_used_at")),
    )
