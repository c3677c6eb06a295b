"""Reads Authorization headers, also those that were written wrongly. Pure."""

from typing import Final

LOCAL_PREFIX: Final = "gw_"  # bearers that the gateway issued itself
_AROUND: Final = "\"'=,;<>"  # what is written around a token by mistake


def pieces(value: str) -> list[str]:
    """Return each word without what stands around it; the scheme is one of them."""
    return [piece.strip(_AROUND) for piece in value.split()]
