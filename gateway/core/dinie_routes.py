"""Lists what is known of Dinie's routes: templates for labels, and routes apart.

A label is always one of these templates, never a path.
"""

from typing import Final

OTHER: Final = "other"
TOKEN_PATH: Final = "/auth/token"  # noqa: S105 - a path; the gateway answers it itself
# A repeat has another effect, or none: the code that it takes is good for one call.
NOT_REPEATABLE: Final = ("/biometrics/session-exchange",)
# A POST to one of these goes before all others (semantics of the reserve, ADR 4).
PRIORITY_ROUTES: Final = frozenset(
    {"/loans", "/auth/credentials", "/webhooks/endpoints"}
)

# Both generations of the API; `{id}` stands for any one segment.
_TEMPLATES: Final = (
    "/auth/token",
    "/auth/credentials",
    "/auth/credentials/{id}",
    "/customers",
    "/customers/{id}",
    "/customers/{id}/documents",
    "/customers/{id}/kyc-attachments",
    "/customers/{id}/kyc-attachments/selfie",
    "/customers/{id}/kyc-review",
    "/customers/{id}/biometrics",
    "/customers/{id}/bank-account",
    "/customers/{id}/credit-offers",
    "/biometrics/session-exchange",
    "/banks",
    "/credit-offers",
    "/credit-offers/{id}",
    "/credit-offers/{id}/simulations",
    "/loans",
    "/loans/{id}",
    "/loans/{id}/transactions",
    "/webhooks/endpoints",
    "/webhooks/endpoints/{id}",
    "/webhooks/endpoints/{id}/secret/rotate",
    "/webhooks/endpoints/{id}/rotate-secret",
)
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
