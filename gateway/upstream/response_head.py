"""Checks and mends the headers of Dinie's responses before anything reads them.

The parser takes more than may be passed on. Sources: RFC 9112 5.1 (a blank before the
colon must be removed from a response) and 6.1 (transfer codings).
"""

from typing import Final

from aiohttp.http_exceptions import BadHttpMessage
from multidict import CIMultiDict, CIMultiDictProxy

_READABLE: Final = frozenset({"chunked", "identity"})  # identity: of old servers


class UnaskedCoding(BadHttpMessage):
    """The body has a transfer coding beside chunks, which no request of ours allows."""


def checked_headers(
    headers: CIMultiDictProxy[str],
) -> CIMultiDictProxy[str]:
    """Return headers with names that can be passed on, of a body that can be framed.

    Passed on, a name with a blank is another field to the next reader, and a body that
    was compressed for the transfer alone would arrive without a word about it.

    Raises:
        UnaskedCoding: the body has a transfer coding beside chunks.
    """
    if " " in ":".join(headers):  # the parser takes it in names that frame a body
        headers = CIMultiDictProxy(
            CIMultiDict((name.rstrip(), value) for name, value in headers.items())
        )
    if "Transfer-Encoding" in headers:
        codings = headers.getall("Transfer-Encoding")
        if len(codings) > 1 or codings[0].strip().lower() not in _READABLE:
            raise UnaskedCoding("a transfer coding beside chunked")
    return headers
