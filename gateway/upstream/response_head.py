"""Checks and mends the head of a response of Dinie's before anything reads it.

The parser takes more than may be passed on. Sources: RFC 9112 5.1 (a blank before the
colon must be removed from a response) and 6.1 (transfer codings).
"""

from typing import Final

from aiohttp import ClientResponse
from aiohttp.http_exceptions import BadHttpMessage
from multidict import CIMultiDict, CIMultiDictProxy

_READABLE: Final = frozenset({"chunked", "identity"})  # identity: of old servers


class UnaskedCoding(BadHttpMessage):
    """The body has a transfer coding beside chunks, which no request of ours allows."""


def check_head(response: ClientResponse) -> None:
    """Take blanks out of field names; refuse a body that nobody could label.

    Passed on, a name with a blank is another field to the next reader, and a body that
    was compressed for the transfer alone would arrive without a word about it.

    Raises:
        UnaskedCoding: as said.
    """
    headers = response.headers
    if " " in ":".join(headers):  # the parser takes it in names that frame a body
        headers = CIMultiDictProxy(
            CIMultiDict((name.rstrip(), value) for name, value in headers.items())
        )
        response._headers = headers  # noqa: SLF001 - there is no public way
        response._cache["headers"] = headers  # noqa: SLF001 - what the property keeps
    if "Transfer-Encoding" in headers:
        codings = headers.getall("Transfer-Encoding")
        if len(codings) > 1 or codings[0].strip().lower() not in _READABLE:
            raise UnaskedCoding("a transfer coding beside chunked")
