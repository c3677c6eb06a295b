"""Deliveries of an attacker, as bytes on a connection."""

import gzip
import time
from collections.abc import Callable

from tests.inbox.scene import BODY, OTHER, headers

MAX = 4096  # bytes of a body that the tests' listener takes


def raw(
    fields: dict[str, str] | list[bytes] | None = None,
    body: bytes = BODY,
    *,
    line: bytes = b"POST /webhooks/dinie HTTP/1.1",
    length: bytes | None = None,
) -> bytes:
    """Return a request; signed and well-formed where nothing else is said."""
    if fields is None:
        fields = headers(body=body, at=time.time())
    if isinstance(fields, dict):
        fields = [f"{name}: {value}".encode() for name, value in fields.items()]
    size = length if length is not None else str(len(body)).encode()
    head = [line, b"Host: gateway", b"Connection: close", b"Content-Length: " + size]
    return b"\r\n".join([*head, *fields]) + b"\r\n\r\n" + body


def chunked() -> bytes:
    """Return a head that may be good, of a body that does not say how long it is."""
    fields = [f"{k}: {v}".encode() for k, v in headers(at=time.time()).items()]
    lines = [b"POST /webhooks/dinie HTTP/1.1", b"Host: gateway", b"Connection: close"]
    return b"\r\n".join([*lines, b"Transfer-Encoding: chunked", *fields, b"", b""])


def signed(name: str, value: bytes) -> list[bytes]:
    """Return the headers of a good delivery, one of them replaced."""
    named = {k: v.encode() for k, v in headers(at=time.time()).items()}
    named[name] = value
    return [f"{k}: ".encode() + v for k, v in named.items()]


def without(name: str) -> list[bytes]:
    named = headers(at=time.time())
    del named[name]
    return [f"{k}: {v}".encode() for k, v in named.items()]


def twice(name: str) -> list[bytes]:
    named = headers(at=time.time())
    lines = [f"{k}: {v}".encode() for k, v in named.items()]
    return [*lines, f"{name}: {named[name]}".encode()]


NOW = b"%d" % time.time()
CHUNKED = (
    b"POST /webhooks/dinie HTTP/1.1\r\nHost: g\r\nConnection: close\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)
Case = Callable[[], bytes]
HOSTILE: dict[str, Case] = {
    "other-key": lambda: raw(headers(at=time.time(), secret=OTHER)),
    "other-body": lambda: raw(headers(at=time.time()), BODY + b" "),
    "no-id": lambda: raw(without("webhook-id")),
    "no-timestamp": lambda: raw(without("webhook-timestamp")),
    "no-signature": lambda: raw(without("webhook-signature")),
    "nothing": lambda: raw([]),
    "id-twice": lambda: raw(twice("webhook-id")),
    "timestamp-twice": lambda: raw(twice("webhook-timestamp")),
    "signature-twice": lambda: raw(twice("webhook-signature")),
    "id-empty": lambda: raw(signed("webhook-id", b"")),
    "id-long": lambda: raw(signed("webhook-id", b"e" * 300)),
    "id-latin": lambda: raw(signed("webhook-id", b"evt_\xe9")),
    "id-utf8": lambda: raw(signed("webhook-id", "evt_é".encode())),
    "id-blank": lambda: raw(signed("webhook-id", b"evt 1")),
    "id-other": lambda: raw(signed("webhook-id", b"evt_2")),
    "time-float": lambda: raw(signed("webhook-timestamp", NOW + b".0")),
    "time-exponent": lambda: raw(signed("webhook-timestamp", b"1.79e9")),
    "time-hex": lambda: raw(signed("webhook-timestamp", b"0x6ab13b80")),
    "time-plus": lambda: raw(signed("webhook-timestamp", b"+" + NOW)),
    "time-minus": lambda: raw(signed("webhook-timestamp", b"-" + NOW)),
    "time-arabic": lambda: raw(signed("webhook-timestamp", "١٧٩٠٠٠٠٠٠٠".encode())),
    "time-ms": lambda: raw(signed("webhook-timestamp", NOW + b"000")),
    "time-zero": lambda: raw(signed("webhook-timestamp", b"0")),
    "time-word": lambda: raw(signed("webhook-timestamp", b"now")),
    "time-nan": lambda: raw(signed("webhook-timestamp", b"nan")),
    "time-digits": lambda: raw(signed("webhook-timestamp", b"9" * 4000)),
    "time-old": lambda: raw(headers(at=time.time() - 400)),
    "time-to-come": lambda: raw(headers(at=time.time() + 400)),
    "signature-empty": lambda: raw(signed("webhook-signature", b"")),
    "signature-no-comma": lambda: raw(signed("webhook-signature", b"v1")),
    "signature-comma": lambda: raw(signed("webhook-signature", b",")),
    "signature-no-base64": lambda: raw(signed("webhook-signature", b"v1,!!!!")),
    "signature-binary": lambda: raw(signed("webhook-signature", b"v1,\xff\xfe\xfd")),
    "signature-utf8": lambda: raw(signed("webhook-signature", "v1,ключ".encode())),
    "signature-other-version": lambda: raw(
        signed("webhook-signature", b"v2,AAAA v1a,AAAA")
    ),
    "signature-2000": lambda: raw(signed("webhook-signature", b"v1,A " * 2000)),
    "signature-11": lambda: raw(signed("webhook-signature", b"v1,AAAA " * 11)),
    "signature-long": lambda: raw(signed("webhook-signature", b"v1," + b"A" * 9000)),
    "signature-json": lambda: raw(signed("webhook-signature", b'{"v1":"A"}')),
    "signature-tabs": lambda: raw(signed("webhook-signature", b"v1,\tA")),
    "body-empty": lambda: raw(headers(at=time.time()), b""),
    "body-binary": lambda: raw(headers(at=time.time()), bytes(range(256))),
    "body-deep": lambda: raw(headers(at=time.time()), b"[" * 4000),
    "bomb": lambda: raw(
        [*signed("webhook-id", b"evt_9"), b"Content-Encoding: gzip"],
        gzip.compress(b"\0" * 3_000_000)[:MAX],
    ),
}
LARGE: dict[str, Case] = {
    "declared": lambda: raw(length=b"%d" % (MAX + 1)),
    "declared-huge": lambda: raw(length=b"9" * 15),
    "sent": lambda: raw(headers(at=time.time()), b"x" * (MAX + 1)),
    "chunked": lambda: (
        chunked() + (b"800\r\n" + b"x" * 2048 + b"\r\n") * 3 + b"0\r\n\r\n"
    ),
}
BROKEN: dict[str, Case] = {
    "cut-body": lambda: raw()[:-5],
    "cut-head": lambda: raw()[:60],
    "bad-chunk": lambda: CHUNKED + b"zz\r\nhello\r\n",
    "giant-header": lambda: raw(signed("webhook-id", b"e" * 100_000)),
    "many-headers": lambda: raw([b"X-A: " + b"a" * 100] * 5000),
    "two-lengths": lambda: raw([b"Content-Length: 3"]),
    "negative-length": lambda: raw(length=b"-5"),
    "no-http": lambda: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "nul": lambda: raw(signed("webhook-id", b"evt\x00")),
}
