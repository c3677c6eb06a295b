"""Projected service-account tokens: by real signatures of real keys."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from gateway.core.clock import SystemClock
from gateway.identity.ports import Untrusted
from gateway.identity.service_account import ProjectedTokens
from tests.fakes import FakeClock

ISSUER, AUDIENCE = "https://cluster.example", "dinie-gateway"
SUBJECT = "system:serviceaccount:loans:billing"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER = ec.generate_private_key(ec.SECP256R1())
Sign = Callable[..., str]


def jwks(path: Path, *names: str) -> Path:
    known = {
        "one": json.loads(RSAAlgorithm.to_jwk(KEY.public_key())),
        "two": json.loads(ECAlgorithm.to_jwk(OTHER.public_key())),
    }
    path.write_text(
        json.dumps({"keys": [known[name] | {"kid": name} for name in names]})
    )
    return path


def signed(key: Any = KEY, kid: str = "one", alg: str = "RS256", **claims: Any) -> str:
    now = SystemClock.unix()
    held = {"iss": ISSUER, "aud": [AUDIENCE], "sub": SUBJECT, "exp": now + 600}
    made = {name: value for name, value in (held | claims).items() if value is not None}
    return jwt.encode(made, key, algorithm=alg, headers={"kid": kid})


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def tokens(tmp_path: Path, clock: FakeClock) -> ProjectedTokens:
    path = jwks(tmp_path / "jwks.json", "one")
    return ProjectedTokens(str(path), issuer=ISSUER, audience=AUDIENCE, clock=clock)


def test_a_good_token_has_its_subject(tokens: ProjectedTokens) -> None:
    """And once more from memory."""
    bearer = signed()

    assert tokens.subject(bearer) == tokens.subject(bearer) == SUBJECT


@pytest.mark.parametrize(
    "bearer",
    [
        "abc",
        "a.b.c",
        "eyJ.eyJ.x",
        signed(iss="https://dinie.example"),
        signed(iss=None),
    ],
)
def test_what_is_of_another_issuer_is_not_ours(
    tokens: ProjectedTokens, bearer: str
) -> None:
    """A customer's token of Dinie's passes as it is."""
    assert tokens.subject(bearer) is None


@pytest.mark.parametrize(
    "bearer",
    [
        pytest.param(signed(exp=SystemClock.unix() - 60), id="run-out"),
        pytest.param(signed(aud=["another"]), id="for-another"),
        pytest.param(signed(exp=None), id="for-ever"),
        pytest.param(signed(sub=None), id="nobodys"),
        pytest.param(signed(key=OTHER, alg="ES256"), id="another-key"),
        pytest.param(signed(kid="two"), id="unknown-key"),
        pytest.param(signed(key="x" * 64, alg="HS256"), id="symmetric"),
        pytest.param(signed()[:-8] + "AAAAAAAA", id="forged"),
        pytest.param(
            jwt.encode({"iss": ISSUER, "sub": SUBJECT}, "", algorithm="none"),
            id="unsigned",
        ),
    ],
)
def test_what_claims_our_issuer_must_hold(tokens: ProjectedTokens, bearer: str) -> None:
    """And the text repeats nothing of it."""
    with pytest.raises(Untrusted) as caught:
        tokens.subject(bearer)

    assert bearer not in str(caught.value)


def test_new_keys_are_taken_and_a_lost_file_changes_nothing(
    tokens: ProjectedTokens, clock: FakeClock, tmp_path: Path
) -> None:
    """The cluster rotates its keys."""
    tokens.subject(signed())
    bearer = signed(key=OTHER, kid="two", alg="ES256")
    jwks(tmp_path / "new.json", "one", "two").rename(tmp_path / "jwks.json")
    clock.advance(6)
    found = tokens.subject(bearer)
    (tmp_path / "jwks.json").unlink()
    clock.advance(120)

    assert found == SUBJECT
    assert tokens.subject(bearer) == SUBJECT


@pytest.mark.parametrize("text", [None, "", "{}", "nonsense", '{"keys":[]}'])
def test_without_keys_nobody_comes_in(
    tmp_path: Path, clock: FakeClock, text: str | None
) -> None:
    """And the setting is named."""
    path = tmp_path / "jwks.json"
    if text is not None:
        path.write_text(text)
    made = ProjectedTokens(str(path), issuer=ISSUER, audience=AUDIENCE, clock=clock)

    with pytest.raises(Untrusted, match="jwks_file cannot be read"):
        made.subject(signed())


def test_a_token_that_was_verified_is_good_no_longer_than_it_says(
    tokens: ProjectedTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory of it does not make it live longer."""
    bearer = signed(exp=SystemClock.unix() + 1)
    clock = tokens._clock
    monkeypatch.setattr(clock, "unix", SystemClock.unix)
    tokens.subject(bearer)
    monkeypatch.setattr(clock, "unix", lambda: SystemClock.unix() + 2)
    monkeypatch.setattr(tokens, "_verified", refused)

    with pytest.raises(Untrusted):
        tokens.subject(bearer)


def refused(_: str) -> None:
    raise Untrusted("run out")


def test_a_claim_is_known_without_a_key(tokens: ProjectedTokens) -> None:
    """It says whose business a token is, and no more."""
    assert tokens.is_ours(signed(key=OTHER, alg="ES256"))
    assert not tokens.is_ours(signed(iss="https://dinie.example"))
    assert not tokens.is_ours("jwt")


def test_keys_that_cannot_be_read_are_said_while_the_old_ones_stay(
    tmp_path: Path, clock: FakeClock
) -> None:
    """The cluster's next keys would refuse every caller, and nobody saw it come."""
    path = jwks(tmp_path / "jwks.json", "one")
    said: list[tuple[str, str]] = []
    made = ProjectedTokens(
        str(path),
        issuer=ISSUER,
        audience=AUDIENCE,
        clock=clock,
        on_event=lambda event, file: said.append((event, file)),
    )
    made.subject(signed())
    path.write_text("no keys")

    for number in range(3):
        clock.advance(61)
        assert made.subject(signed(jti=str(number))) == SUBJECT

    assert said == [("caller_keys_refused", str(path))]
