"""Each fault of the simulator, as it arrives over a real socket."""

import asyncio
from typing import Any

import pytest

from tests.simulator.partner import Partner, Reply, dinie, until


async def raw(partner: Partner, path: str = "/banks") -> bytes | str:
    """Send a GET over a bare socket; return what came, or how it was cut off."""
    reader, writer = await asyncio.open_connection("127.0.0.1", partner.port)
    writer.write(
        f"GET /v3{path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
        f"Authorization: Bearer {partner.token}\r\n\r\n".encode()
    )
    try:
        return await asyncio.wait_for(reader.read(), 5)
    except ConnectionResetError:
        return "reset"
    finally:
        writer.close()


async def faulty(fault: dict[str, Any]) -> tuple[Reply, Reply]:
    """Return a request's answer under a fault, and the next one's."""
    async with dinie() as partner:
        partner.simulator.fault(**fault)
        return await partner.call("GET", "/banks"), await partner.call("GET", "/banks")


@pytest.mark.parametrize(
    ("fault", "status", "kind", "body"),
    [
        pytest.param(
            {"kind": "status", "status": 503, "body": "html"},
            503,
            "text/html",
            b"<html><body><h1>Something went wrong</h1></body></html>",
            id="html",
        ),
        pytest.param(
            {"kind": "status", "status": 408, "body": "empty"}, 408, None, b"", id="408"
        ),
        pytest.param({"kind": "unauthorized"}, 401, None, b"", id="unauthorized"),
        pytest.param({"kind": "empty_200"}, 200, None, b"", id="empty-200"),
        pytest.param({"kind": "redirect"}, 302, None, b"", id="redirect"),
    ],
)
async def test_a_fault_answers_once_and_is_over(
    fault: dict[str, Any], status: int, kind: str | None, body: bytes
) -> None:
    """Whatever stands before Dinie may answer in its stead."""
    broken, after = await faulty(fault)

    assert (broken.status, broken.body, after.status) == (status, body, 200)
    if kind is not None:
        assert broken.headers["Content-Type"] == kind
    assert "X-RateLimit-Limit" in broken.headers


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        pytest.param(
            {"kind": "status", "status": 500}, (500, "internal_error"), id="500"
        ),
        pytest.param(
            {"kind": "status", "status": 429}, (429, "rate_limit_exceeded"), id="429"
        ),
        pytest.param({"kind": "invalid_token"}, (401, "invalid_token"), id="invalid"),
        pytest.param({"kind": "missing_token"}, (401, "missing_token"), id="missing"),
    ],
)
async def test_a_fault_in_dinie_s_own_shape_has_its_code(
    fault: dict[str, Any], code: tuple[int, str]
) -> None:
    """Clients tell causes apart by the code."""
    broken, after = await faulty(fault)

    assert (broken.code, after.status) == (code, 200)


async def test_a_status_brings_the_headers_it_is_given() -> None:
    """`Retry-After` with a 429 is such a one."""
    broken, _ = await faulty(
        {"kind": "status", "status": 429, "headers": {"Retry-After": "3"}}
    )

    assert broken.headers["Retry-After"] == "3"


async def test_an_expired_token_stays_expired() -> None:
    """A retry with the same token is no cure."""
    broken, after = await faulty({"kind": "token_expired"})

    assert broken.code == after.code == (401, "token_expired")


async def test_a_redirect_goes_where_it_is_told() -> None:
    """A gateway that follows it would carry a token to a stranger."""
    broken, _ = await faulty({"kind": "redirect", "location": "https://evil.example/"})

    assert broken.headers["Location"] == "https://evil.example/"


@pytest.mark.parametrize("kind", ["reset_before", "reset_after"])
async def test_a_reset_is_a_reset(kind: str) -> None:
    """The caller learns nothing of what became of its request."""
    async with dinie() as partner:
        partner.simulator.fault(kind=kind)
        got = await raw(partner)

    assert got == "reset"


@pytest.mark.parametrize(
    ("kind", "customers"),
    [
        pytest.param("reset_before", 0, id="before"),
        pytest.param("reset_after", 1, id="after"),
    ],
)
async def test_a_reset_comes_before_or_after_the_effect(
    kind: str, customers: int
) -> None:
    """The difference that no caller can see, and that keys are for."""
    async with dinie() as partner:
        partner.simulator.fault(kind=kind)
        with pytest.raises(OSError, match=r"\w"):
            await partner.call("POST", "/customers", {"cpf": "1"})

    assert partner.simulator.count("customers") == customers


@pytest.mark.parametrize(("processed", "customers"), [(False, 0), (True, 1)])
async def test_a_hang_ends_without_an_answer(processed: bool, customers: int) -> None:
    """Time-outs can be tested with and without an effect."""
    async with dinie() as partner:
        partner.simulator.fault(kind="hang", seconds=0.05, processed=processed)
        with pytest.raises(OSError, match=r"\w"):
            await partner.call("POST", "/customers", {"cpf": "1"})

    assert partner.simulator.count("customers") == customers


async def test_malformed_http_is_no_http() -> None:
    """A status line that no parser takes."""
    async with dinie() as partner:
        partner.simulator.fault(kind="malformed_http")
        got = await raw(partner)

    assert got == b"HTP/1.1 two hundred\r\n\r\n"


async def test_malformed_json_is_half_of_it() -> None:
    """Well framed, and still no JSON."""
    broken, whole = await faulty({"kind": "malformed_json"})

    assert broken.status == 200
    assert broken.body == whole.body[: len(whole.body) // 2]


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_cut_body_ends_before_its_end(chunked: bool) -> None:
    """Both framings can be cut."""
    async with dinie() as partner:
        whole = await partner.call("GET", "/banks")
        partner.simulator.fault(kind="cut_body", chunked=chunked)
        got = await raw(partner)

    assert isinstance(got, bytes)
    head, _, body = got.partition(b"\r\n\r\n")
    assert (b"chunked" in head) is chunked
    assert body.endswith(whole.body[: len(whole.body) // 2])
    assert len(body) < len(whole.body)


@pytest.mark.parametrize("kind", ["latency", "slow_body"])
async def test_a_slow_answer_is_overtaken_and_whole_in_the_end(kind: str) -> None:
    """Slowness alone breaks nothing."""
    async with dinie() as partner:
        partner.simulator.fault(kind=kind, seconds=0.2)
        slow = asyncio.ensure_future(partner.call("GET", "/banks"))
        await until(lambda: any(entry.fault for entry in partner.simulator.journal))
        quick = await partner.call("GET", "/banks")
        overtaken = not slow.done()
        late = await slow

    assert overtaken
    assert (late.status, late.body) == (200, quick.body)


@pytest.mark.parametrize("body", [None, b""])
async def test_a_slow_answer_may_be_empty(body: bytes | None) -> None:
    """There is no half of nothing."""
    async with dinie() as partner:
        made = await partner.call(
            "POST", "/webhooks/endpoints", {"url": "https://shop.example/"}
        )
        partner.simulator.fault(kind="slow_body", seconds=0.0)
        path = f"/webhooks/endpoints/{made.json['id']}"
        gone = await partner.call("DELETE", path, data=body)

    assert (gone.status, gone.body) == (204, b"")


async def test_a_hang_goes_on_until_the_caller_hangs_up() -> None:
    """A time-out is the caller's own affair, and the next call is served."""
    async with dinie() as partner:
        partner.simulator.fault(kind="hang", processed=True)
        asked = asyncio.ensure_future(
            partner.call("POST", "/customers", {"cpf": "1"}, key="k")
        )
        await until(lambda: partner.simulator.effects)
        waited, _ = await asyncio.wait({asked}, timeout=0.1)
        asked.cancel()
        again = await partner.call("POST", "/customers", {"cpf": "1"}, key="k")

    assert not waited
    assert again.status == 201
    assert partner.simulator.count("customers") == 1


async def test_an_error_may_come_after_the_effect() -> None:
    """A 500 says nothing of whether the loan exists."""
    async with dinie() as partner:
        partner.simulator.fault(kind="status", status=500, processed=True)
        broken = await partner.call("POST", "/customers", {"cpf": "1"}, key="k")
        again = await partner.call("POST", "/customers", {"cpf": "1"}, key="k")

    assert (broken.status, again.status) == (500, 201)
    assert dict(partner.simulator.effects) == {"k": 1}


async def test_any_fault_may_bring_headers() -> None:
    """What a proxy in between adds, for one."""
    broken, after = await faulty({"kind": "invalid_token", "headers": {"Via": "1.1 a"}})

    assert broken.headers["Via"] == "1.1 a"
    assert "Via" not in after.headers


async def test_a_redirect_may_be_of_any_kind() -> None:
    """A 307 asks for the same POST again, elsewhere."""
    broken, _ = await faulty({"kind": "redirect", "status": 307})

    assert broken.status == 307


async def test_a_skewed_clock_shows_in_the_date() -> None:
    """The limiter must not trust two clocks to agree."""
    skewed, after = await faulty({"kind": "clock_skew", "seconds": 86_400.0})

    assert skewed.headers["Date"] == "Tue, 22 Sep 2026 14:13:20 GMT"
    assert after.headers["Date"] == "Mon, 21 Sep 2026 14:13:20 GMT"


async def test_what_went_out_stands_in_the_journal() -> None:
    """0 where no answer did; who counts answers counts right."""
    kinds = ("reset_before", "reset_after", "hang", "malformed_json", "cut_body")
    async with dinie() as partner:
        for kind in kinds:
            partner.simulator.fault(kind=kind, seconds=0.01)
            await raw(partner)
        told = [(e.fault, e.status) for e in partner.simulator.journal if e.fault]

    assert told == list(zip(kinds, (0, 0, 0, 200, 200), strict=True))
