"""Reads the JSON, form or multipart body of a request."""

import hashlib
from email.message import Message
from typing import Any
from urllib.parse import parse_qs

import orjson

from gateway.simulator.response import Refusal


def read_json(content_type: str, body: bytes) -> dict[str, Any]:
    """Return a JSON body's fields; none where there is no body.

    Raises:
        Refusal: another type, or no JSON object.
    """
    if not body:
        return {}
    if "json" not in content_type:
        raise Refusal(400, "invalid_content_type", "send application/json")
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Refusal(400, "malformed_body", "the body is no JSON") from error
    if not isinstance(fields, dict):
        raise Refusal(400, "malformed_body", "the body is no object")
    return fields


def read_parts(content_type: str, body: bytes) -> dict[str, Any]:
    """Return an upload's parts: `file` as bytes, all others as text.

    The Python SDK sends uploads without a file as a form.

    Raises:
        Refusal: neither multipart nor a form, or parts that are not whole.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        return {name: values[0] for name, values in parse_qs(body.decode()).items()}
    if kind != "multipart/form-data":
        raise Refusal(400, "invalid_content_type", "send multipart/form-data")
    boundary = _parameter(content_type, "boundary")
    if not boundary:
        raise Refusal(400, "malformed_body", "the boundary is missing")
    parts: dict[str, Any] = {}
    for raw in _split(boundary.encode(), body):
        head, blank, content = raw.partition(b"\r\n\r\n")
        name = _part_name(head) if blank else None
        if name is None:
            raise Refusal(400, "malformed_body", "a part has no name")
        parts[name] = content if name == "file" else content.decode()
    if not parts:
        raise Refusal(400, "malformed_body", "there are no parts")
    return parts


def _split(boundary: bytes, body: bytes) -> list[bytes]:
    """Return the parts between a boundary's lines (RFC 2046 section 5.1.1)."""
    delimiter = b"\r\n--" + boundary
    # A body may open with its first delimiter; anything before it is preamble.
    _, *parts = (b"\r\n" + body).split(delimiter)
    if not parts or not parts[-1].startswith(b"--"):
        # Most likely cut on the way: what came first may look whole.
        raise Refusal(400, "malformed_body", "the last boundary is missing")
    return [part.lstrip(b" \t").removeprefix(b"\r\n") for part in parts[:-1]]


def _part_name(head: bytes) -> str | None:
    for line in head.decode().split("\r\n"):
        field, _, value = line.partition(":")
        if field.strip().lower() == "content-disposition":
            return _parameter(value.strip(), "name")
    return None


def _parameter(value: str, name: str) -> str | None:
    """Return one parameter of a header's value."""
    message = Message()
    message["Content-Type"] = value
    found = message.get_param(name)
    return found if isinstance(found, str) else None


def body_fingerprint(content_type: str, body: bytes) -> bytes:
    """Return what a body counts as: an upload by its parts, not by its boundary."""
    if not content_type.lower().startswith("multipart/"):
        return hashlib.sha256(body).digest()
    digest = hashlib.sha256()
    for name, value in sorted(read_parts(content_type, body).items()):
        content = value if isinstance(value, bytes) else value.encode()
        digest.update(f"{name}:{len(content)}:".encode() + content)
    return digest.digest()
