"""Reads Authorization headers, malformed ones too. Pure."""

from typing import Final

LOCAL_PREFIX: Final = "gw_"  # of bearers that are for the gateway, and never for Dinie
_AROUND: Final = "\"'=,;<>"  # written around a token by mistake


def pieces(value: str) -> list[str]:
    """Return each word without quotes and the like; the scheme is one of them."""
    return [piece.strip(_AROUND) for piece in value.split()]
