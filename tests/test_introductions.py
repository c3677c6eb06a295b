"""Identity, wired as the configuration has it."""

import json
from pathlib import Path
from typing import cast

from gateway.config.load import load
from gateway.identity.projected import ProjectedTokens
from gateway.introductions import build_identity
from gateway.secrets.keeper import SecretKeeper
from tests.fakes import FakeClock

NOBODY = cast("SecretKeeper", None)


def test_without_callers_nobody_has_a_share() -> None:
    """A sidecar."""
    config = load(environment="local", env={}, overrides=()).config

    made = build_identity(config, NOBODY, lambda: "x", FakeClock())

    assert made.weights == {}
    assert made.stage._subjects is None


def test_callers_have_their_weights_and_proofs(tmp_path: Path) -> None:
    """As configured."""
    callers = [{"name": "billing", "weight": 2, "subject": "sa:billing"}]
    settings = (
        f"identity.callers={json.dumps(callers)}",
        f"identity.jwks_file={tmp_path / 'jwks.json'}",
        "identity.issuer=https://cluster",
        "identity.audience=dinie-gateway",
    )
    config = load(environment="local", env={}, overrides=settings).config

    made = build_identity(config, NOBODY, lambda: "x", FakeClock())

    assert made.weights == {"billing": 2.0}
    assert isinstance(made.stage._subjects, ProjectedTokens)
