"""The status page: readable, and harmless whatever stands in it."""

from gateway.server.status_page import render_page


def test_every_text_is_escaped() -> None:
    """A service's name is a setting, and a reason may quote one."""
    page = render_page(
        {
            "service": "<script>",
            "checks": {"<i>": {"ok": False, "reason": "<img src=x>"}},
        }
    ).decode()

    assert "<script>" not in page
    assert "<img" not in page
    assert "&lt;img src=x&gt;" in page


def test_what_is_wrong_stands_out() -> None:
    """The one fact that is needed at once must not be looked for in a table."""
    ready = render_page({"ready": True}).decode()
    unready = render_page(
        {"ready": False, "checks": {"token": {"ok": False, "reason": "none"}}}
    ).decode()

    assert "dinie-gateway: ready" in ready
    assert "<h1 class=no>dinie-gateway: not ready</h1>" in unready
    assert "<span class=no>no</span>: none" in unready


def test_unknown_is_said_in_words() -> None:
    """An empty cell could mean anything."""
    page = render_page({"credential": {"next_rotation": None}, "service": ""}).decode()

    assert "<th scope=row>Next rotation</th><td>unknown</td>" in page
    assert "<th scope=row>Service</th><td>none</td>" in page


def test_a_circuit_says_how_it_stands_and_why() -> None:
    """A closed one must not read as a fault."""
    circuits = {
        "api": {"state": "open", "since_seconds": 3, "reason": "<5> calls failed"},
        "token": {"state": "closed", "since_seconds": None, "reason": "all is well"},
    }

    page = render_page({"ready": True, "circuits": circuits}).decode()

    assert "<td><span class=no>open</span>: &lt;5&gt; calls failed</td>" in page
    assert "<td>closed: all is well</td>" in page


def test_other_parts_are_listed() -> None:
    """Whatever they are called."""
    webhooks = {"unknown_subscribers": {"old<": 2}, "nobody": {}}

    page = render_page({"ready": True, "webhooks": webhooks}).decode()

    assert "<td>old&lt;: 2</td>" in page
    assert "<td>none</td>" in page


def test_the_last_failures_lead_to_their_stories() -> None:
    """Whatever stands in an id or a route."""
    failure = {
        "request_id": "0a/<b>'",
        "ended": "2026-09-21T14:13:20Z",
        "method": "POST",
        "route": "/loans",
        "status": 504,
        "problem": "outcome-unknown",
    }

    page = render_page({"ready": True, "last_failures": [failure]}).decode()

    assert "<a href='explain/0a%2F%3Cb%3E%27'>0a/&lt;b&gt;&#x27;</a>" in page
    assert "<td>504 outcome-unknown</td>" in page
    assert "Last failures" not in render_page({"last_failures": []}).decode()
