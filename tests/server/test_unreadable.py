"""Requests that the HTTP parser refuses: the rule is named, no byte is repeated."""

import json

import pytest
from aiohttp.http_exceptions import (
    BadHttpMessage,
    BadHttpMethod,
    BadStatusLine,
    InvalidHeader,
    InvalidURLError,
    LineTooLong,
)

from gateway.server.unreadable import plain_refusal, reason

EVIL = "evil-bytes"


@pytest.mark.parametrize(
    ("error", "named"),
    [
        pytest.param(LineTooLong(EVIL, 16384), "over 16384 bytes", id="long"),
        pytest.param(
            BadHttpMessage("Too many headers received"),
            "more than 128 header fields",
            id="many",
        ),
        pytest.param(BadStatusLine(EVIL), "request line", id="line"),
        pytest.param(BadHttpMethod(EVIL), "request line", id="method"),
        pytest.param(InvalidURLError(EVIL), "request line", id="target"),
        pytest.param(InvalidHeader(EVIL), "well-formed", id="header"),
        pytest.param(None, "well-formed", id="unknown"),
    ],
)
def test_a_refusal_names_the_rule_and_no_bytes(
    error: BaseException | None, named: str
) -> None:
    """A developer with a long URL learns why; a scanner's bytes are never sent back."""
    said = reason(error)

    assert named in said
    assert EVIL not in said


def test_a_listener_without_problems_of_its_own_says_its_status() -> None:
    """The webhook and the admin listener name no rule to strangers."""
    response = plain_refusal(BadStatusLine(EVIL))

    assert isinstance(response.body, bytes)
    assert json.loads(response.body) == {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
    }
    assert response.headers["Content-Type"] == "application/problem+json"
