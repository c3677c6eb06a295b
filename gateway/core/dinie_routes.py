"""Lists the routes of Dinie's API, and what sets some of them apart. Pure.

The only place that knows them: labels, priorities, upload limits and the rule for what
is never repeated are read from here. A label is one of these templates, never a path.
"""

from dataclasses import KW_ONLY, dataclass
from typing import Final

OTHER: Final = "other"
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
TOKEN_PATH: Final = "/auth/token"  # noqa: S105 - a path; the gateway responds itself
CREDENTIALS_PATH: Final = "/auth/credentials"


@dataclass(frozen=True, slots=True)
class DinieRoute:
    """One route, in both generations of the API."""

    template: str  # `{id}` stands for any one segment
    _: KW_ONLY
    priority: bool = False  # a POST goes before other requests, and may use the reserve
    upload: bool = False  # its body may be as large as `admission.max_upload`
    repeatable: bool = True  # False: a code in it is good for one call (ADR 5)


ROUTES: Final = (
    DinieRoute(TOKEN_PATH),
    DinieRoute(CREDENTIALS_PATH, priority=True),
    DinieRoute("/auth/credentials/{id}"),
    DinieRoute("/customers"),
    DinieRoute("/customers/{id}"),
    DinieRoute("/customers/{id}/documents", upload=True),
    DinieRoute("/customers/{id}/kyc-attachments", upload=True),
    DinieRoute("/customers/{id}/kyc-attachments/selfie", upload=True),
    DinieRoute("/customers/{id}/kyc-review"),
    DinieRoute("/customers/{id}/biometrics"),
    DinieRoute("/customers/{id}/bank-account"),
    DinieRoute("/customers/{id}/credit-offers"),
    DinieRoute("/biometrics/session-exchange", repeatable=False),
    DinieRoute("/banks"),
    DinieRoute("/credit-offers"),
    DinieRoute("/credit-offers/{id}"),
    DinieRoute("/credit-offers/{id}/simulations"),
    DinieRoute("/loans", priority=True),
    DinieRoute("/loans/{id}"),
    DinieRoute("/loans/{id}/transactions"),
    DinieRoute("/webhooks/endpoints", priority=True),
    DinieRoute("/webhooks/endpoints/{id}"),
    DinieRoute("/webhooks/endpoints/{id}/secret/rotate"),
    DinieRoute("/webhooks/endpoints/{id}/rotate-secret"),
)
PRIORITY_ROUTES: Final = frozenset(one.template for one in ROUTES if one.priority)
NOT_REPEATABLE: Final = tuple(one.template for one in ROUTES if not one.repeatable)
UPLOAD_ROUTES: Final = tuple(one.template for one in ROUTES if one.upload)

_TEMPLATES: Final = tuple(one.template for one in ROUTES)
_EXACT: Final = {text: text for text in _TEMPLATES if "{" not in text}
# The place of `{id}` follows from the first segment; look-ups need no pattern.
_DEPTH: Final = {"auth": 2, "webhooks": 2}
_BLANKED: Final = {text: text for text in _TEMPLATES if "{" in text}


def template(path: str) -> str:
    """Return the template of a plain path (decoded, lower case), or `other`."""
    exact = _EXACT.get(path)
    if exact is not None:
        return exact
    parts = path.split("/")
    if len(parts) < 3:  # noqa: PLR2004 - "", first segment, and an id at least
        return OTHER
    depth = _DEPTH.get(parts[1], 1) + 1
    if len(parts) <= depth:
        return OTHER
    parts[depth] = "{id}"
    return _BLANKED.get("/".join(parts), OTHER)
