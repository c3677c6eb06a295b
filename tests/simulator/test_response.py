"""Dinie's shape of an error."""

import orjson

from gateway.simulator.response import Reply, in_sdk_style, ok, problem


def test_a_refusal_has_dinie_s_shape() -> None:
    """Clients read `code` and the fields that are wrong."""
    answer = problem(422, "invalid_format", "HTTPS only", param="url")

    assert answer.headers == {"Content-Type": "application/problem+json"}
    assert orjson.loads(answer.body) == {
        "type": "https://api.dinie.com.br/errors/validation-failed",
        "title": "Validation Failed",
        "status": 422,
        "detail": "HTTPS only",
        "code": "invalid_format",
        "errors": [{"param": "url", "detail": "HTTPS only", "code": "invalid_format"}],
    }


def test_an_answer_is_json() -> None:
    """The type says what the body is."""
    answer = ok({"a": 1}, 201)

    assert (answer.status, answer.body) == (201, b'{"a":1}')
    assert answer.headers == {"Content-Type": "application/json"}


def test_the_sdks_know_another_type_of_problem() -> None:
    """One of them decides by it."""
    refused = in_sdk_style(problem(404, "not_found"))
    other = Reply(200, b"https://api.dinie.com.br/errors/")

    assert orjson.loads(refused.body)["type"] == (
        "https://docs.dinie.com/errors/not-found"
    )
    assert in_sdk_style(other) == other
