"""The verifier: what Dinie signed is taken, and nothing else, and nothing raises."""

import base64
import json
from datetime import UTC, datetime

import pytest
from dinie.runtime.webhooks import WebhookSignatureError, extract
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook as Standard
from svix.webhooks import Webhook as Svix

from gateway.inbox.signature import Signed, Verdict, parse_secret, sign, verify
from tests.inbox.scene import BODY, OTHER, SECRET

NOW = 1_790_000_000.0
KEY, OTHER_KEY = parse_secret(SECRET), parse_secret(OTHER)
TIMESTAMP = b"1790000000"
GOOD = sign(KEY, b"evt_1", TIMESTAMP, BODY)


def judged(
    ids: list[bytes] | None = None,
    timestamps: list[bytes] | None = None,
    signatures: list[bytes] | None = None,
    *,
    body: bytes = BODY,
    keys: tuple[bytes, ...] = (KEY,),
    now: float = NOW,
) -> Verdict:
    signed = Signed(
        [b"evt_1"] if ids is None else ids,
        [TIMESTAMP] if timestamps is None else timestamps,
        [GOOD] if signatures is None else signatures,
        body,
    )
    return verify(signed, keys, now=now, tolerance=300.0)


@pytest.mark.parametrize("library", [Standard, Svix])
def test_what_the_libraries_of_the_field_sign_is_taken(library: type) -> None:
    """Dinie signs with one of them, or as they do."""
    signature = library(SECRET).sign(
        "evt_1", datetime.fromtimestamp(NOW, UTC), BODY.decode()
    )

    assert judged(signatures=[signature.encode()]) == "good"


def test_what_is_signed_here_the_libraries_take() -> None:
    """A subscriber verifies with one of them."""
    at = datetime.now(UTC).timestamp()
    stamp = f"{at:.0f}".encode()
    headers = {
        "webhook-id": "evt_1",
        "webhook-timestamp": stamp.decode(),
        "webhook-signature": sign(KEY, b"evt_1", stamp, BODY).decode(),
    }

    assert Standard(SECRET).verify(BODY, headers) == json.loads(BODY)
    Svix(SECRET).verify(BODY, headers)  # raises where it is not good


def test_the_official_sdk_takes_what_is_signed_here() -> None:
    """It raises for the signature before it looks at the content."""
    body = (
        b'{"id":"evt_1","type":"customer.active","api_version":"2026-03-01",'
        b'"created_at":1,"delivery_id":"dlv_1","timestamp":1,'
        b'"data":{"id":"cust_1","external_id":null,"status":"active"}}'
    )
    stamp = f"{datetime.now(UTC).timestamp():.0f}".encode()
    headers = {
        "webhook-id": "evt_1",
        "webhook-timestamp": stamp.decode(),
        "webhook-signature": sign(KEY, b"evt_1", stamp, body).decode(),
    }

    assert extract(headers=headers, body=body, secret=SECRET).type == "customer.active"
    with pytest.raises(WebhookSignatureError):
        extract(headers=headers, body=body + b" ", secret=SECRET)


@pytest.mark.parametrize(
    ("signatures", "keys", "verdict"),
    [
        pytest.param([GOOD], (KEY,), "good", id="one"),
        pytest.param([GOOD], (OTHER_KEY, KEY), "good", id="second-key"),
        pytest.param([b"v1,AAAA " + GOOD], (KEY,), "good", id="second-signature"),
        pytest.param([b"v1a,AAAA " + GOOD], (KEY,), "good", id="other-version"),
        pytest.param([GOOD], (OTHER_KEY,), "bad_signature", id="other-key"),
        pytest.param([GOOD], (), "bad_signature", id="no-key"),
        pytest.param(
            [GOOD], (OTHER_KEY,) * 3 + (KEY,), "bad_signature", id="fourth-key"
        ),
        pytest.param([GOOD[3:]], (KEY,), "bad_signature", id="without-version"),
        pytest.param([GOOD.replace(b"v1,", b"v2,")], (KEY,), "bad_signature", id="v2"),
        pytest.param([GOOD.rstrip(b"=")], (KEY,), "bad_signature", id="unpadded"),
        pytest.param([b"v1,"], (KEY,), "bad_signature", id="empty"),
        pytest.param([b"v1"], (KEY,), "bad_signature", id="no-comma"),
        pytest.param([b"v1,\xff\xfe"], (KEY,), "malformed", id="no-ascii"),
        pytest.param([GOOD + b" \xff"], (KEY,), "malformed", id="beside-no-ascii"),
        pytest.param([b""], (KEY,), "malformed", id="nothing"),
        pytest.param([b"   "], (KEY,), "malformed", id="blanks"),
        pytest.param([], (KEY,), "malformed", id="missing"),
        pytest.param([GOOD, GOOD], (KEY,), "malformed", id="twice"),
        pytest.param([b" ".join([GOOD] * 10)], (KEY,), "good", id="ten"),
        pytest.param([b" ".join([GOOD] * 11)], (KEY,), "malformed", id="eleven"),
        pytest.param([b"v1,A " * 2000], (KEY,), "malformed", id="thousands"),
        pytest.param([b"v1," + b"A" * 5000], (KEY,), "malformed", id="long"),
    ],
)
def test_one_good_pair_is_enough_and_none_is_too_few(
    signatures: list[bytes], keys: tuple[bytes, ...], verdict: str
) -> None:
    """During a rotation Dinie signs twice, and both secrets are known."""
    assert judged(signatures=signatures, keys=keys) == verdict


@pytest.mark.parametrize(
    ("timestamps", "verdict"),
    [
        pytest.param([b"1790000000"], "good", id="plain"),
        pytest.param([], "malformed", id="missing"),
        pytest.param([b"1790000000"] * 2, "malformed", id="twice"),
        pytest.param([b"1790000000.0"], "bad_timestamp", id="float"),
        pytest.param([b"+1790000000"], "bad_timestamp", id="signed"),
        pytest.param([b" 1790000000"], "bad_timestamp", id="blank"),
        pytest.param([b"1790000000\n"], "bad_timestamp", id="line-end"),
        pytest.param([b"01790000000"], "bad_timestamp", id="eleven-digits"),
        pytest.param([b"179000000"], "bad_timestamp", id="nine-digits"),
        pytest.param([b"1_90000000"], "bad_timestamp", id="underscore"),
        pytest.param(
            ["١٧٩٠٠٠٠٠٠٠".encode()],
            "bad_timestamp",
            id="other-digits",
        ),
        pytest.param([b"1e9"], "bad_timestamp", id="exponent"),
        pytest.param([b""], "bad_timestamp", id="empty"),
        pytest.param([b"\xff"], "bad_timestamp", id="no-text"),
    ],
)
def test_a_timestamp_is_ten_digits(timestamps: list[bytes], verdict: str) -> None:
    """What a library reads as a float could be signed in two ways."""
    assert judged(timestamps=timestamps) == verdict


@pytest.mark.parametrize(
    ("off", "verdict"),
    [(300, "good"), (301, "bad_timestamp"), (-300, "good"), (-301, "bad_timestamp")],
)
def test_a_timestamp_may_be_off_by_so_much_both_ways(off: int, verdict: str) -> None:
    """Old ones are replays, and ones to come would be replays for longer."""
    assert judged(now=NOW + off) == verdict


@pytest.mark.parametrize(
    ("ids", "verdict"),
    [
        pytest.param([b"evt_1"], "good", id="plain"),
        pytest.param([], "malformed", id="missing"),
        pytest.param([b"evt_1"] * 2, "malformed", id="twice"),
        pytest.param([b""], "malformed", id="empty"),
        pytest.param([b"evt 1"], "malformed", id="blank-inside"),
        pytest.param([b"e" * 257], "malformed", id="long"),
        pytest.param([b"evt_\xe9"], "malformed", id="no-ascii"),
        pytest.param([b"evt_2"], "bad_signature", id="another"),
    ],
)
def test_an_id_is_one_plain_word(ids: list[bytes], verdict: str) -> None:
    """It is covered by the signature, so that nobody gets round the deduplication."""
    assert judged(ids=ids) == verdict


def test_every_byte_of_the_body_counts() -> None:
    """Also the blank at its end."""
    assert judged(body=BODY + b" ") == "bad_signature"
    assert judged(body=BODY[:-1]) == "bad_signature"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("whsec_", id="no-key"),
        pytest.param("0123456789abcdef", id="no-prefix"),
        pytest.param("whsec_not base64!", id="no-base64"),
        pytest.param("whsec_" + base64.b64encode(b"short").decode(), id="short"),
        pytest.param("whsec_é", id="no-ascii"),
        pytest.param("whsec_A", id="cut"),
    ],
)
def test_a_secret_that_is_none_is_refused(text: str) -> None:
    """An SDK would take it for text, and verify against a key that nobody meant."""
    with pytest.raises(ValueError, match="webhook secret") as caught:
        parse_secret(text)

    assert text == "" or text not in str(caught.value)


def test_a_secret_may_lack_its_padding() -> None:
    """Some tools strip it."""
    assert parse_secret(SECRET.rstrip("=")) == parse_secret(SECRET)


@given(
    ids=st.lists(st.binary(max_size=40), max_size=2),
    timestamps=st.lists(st.binary(max_size=12), max_size=2),
    signatures=st.lists(st.binary(max_size=200), max_size=2),
    body=st.binary(max_size=100),
)
def test_nothing_makes_it_raise_and_nothing_forged_is_good(
    ids: list[bytes], timestamps: list[bytes], signatures: list[bytes], body: bytes
) -> None:
    """A 500 would tell an attacker that something was reached."""
    assert judged(ids, timestamps, signatures, body=body) != "good"


def test_an_old_body_cannot_be_cut_up_into_a_new_delivery() -> None:
    """The signature is over `id.timestamp.body`: a dot in the id moves the cuts."""
    body = b'{"name":"x.' + TIMESTAMP + b'.y"}'
    old = b"1000000000"
    signature = sign(KEY, b"evt_1", old, body)
    moved, rest = b"evt_1." + old + b'.{"name":"x', b'y"}'
    assert sign(KEY, moved, TIMESTAMP, rest) == signature

    signed = Signed([moved], [TIMESTAMP], [signature], rest)

    assert verify(signed, [KEY], now=NOW, tolerance=300.0) == "malformed"


def test_a_webhook_shows_no_byte_of_its_body() -> None:
    """It holds a customer's data, and a traceback goes to the log."""
    shown = repr(Signed([b"evt_1"], [b"1"], [b"v1,x"], b"secret"))

    assert shown == "Signed(body=6 bytes)"


def test_sixteen_bytes_are_a_key() -> None:
    """The shortest that cannot be guessed."""
    key = bytes(range(16))

    assert parse_secret("whsec_" + base64.b64encode(key).decode()) == key
