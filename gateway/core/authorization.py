"""Which tokens may stand in an Authorization header that was written wrongly? Pure."""

from typing import Final

_AROUND: Final = "\"'=,;<>"  # what is written around a token by mistake


def pieces(value: str) -> list[str]:
    """Return each word without what stands around it; the scheme is one of them."""
    return [piece.strip(_AROUND) for piece in value.split()]
