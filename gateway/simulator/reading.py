"""What is in a request's body?"""

import hashlib
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any
from urllib.parse import parse_qs

import orjson

from gateway.simulator.answer import Refusal


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
        Refusal: neither multipart nor a form.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        return {name: values[0] for name, values in parse_qs(body.decode()).items()}
    if kind != "multipart/form-data":
        raise Refusal(400, "invalid_content_type", "send multipart/form-data")
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(head + body)
    parts: dict[str, Any] = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes):
            parts[name] = content if name == "file" else content.decode().strip()
    if not parts:
        raise Refusal(400, "malformed_body", "the parts cannot be read")
    return parts


def body_fingerprint(content_type: str, body: bytes) -> bytes:
    """Return what a body counts as: an upload by its parts, not by its boundary."""
    if not content_type.lower().startswith("multipart/"):
        return hashlib.sha256(body).digest()
    digest = hashlib.sha256()
    for name, value in sorted(read_parts(content_type, body).items()):
        content = value if isinstance(value, bytes) else value.encode()
        digest.update(f"{name}:{len(content)}:".encode() + content)
    return digest.digest()
