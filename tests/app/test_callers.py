"""Identity, wired as the configuration has it."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from structlog.testing import capture_logs

from gateway.app.callers import build_identity
from gateway.config.load import load
from gateway.core.secret import Secret
from gateway.identity.service_account import ProjectedTokens
from gateway.secrets.watcher import SecretWatcher
from tests.fakes import FakeClock

NO_SECRETS = cast("SecretWatcher", None)


def test_without_callers_nobody_has_a_share() -> None:
    """A sidecar."""
    config = load(environment="local", env={}, overrides=()).config

    made = build_identity(config, NO_SECRETS, lambda: "x", FakeClock())

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

    made = build_identity(config, NO_SECRETS, lambda: "x", FakeClock())

    assert made.weights == {"billing": 2.0}
    assert isinstance(made.stage._subjects, ProjectedTokens)


def test_a_caller_whose_token_is_gone_is_said_by_name() -> None:
    """Each of its calls is refused from then on; nothing of a token is in the line."""

    class Keeper:
        current = SimpleNamespace(fields={"billing_token": Secret("gw_too_short")})

        def add_listener(self, callback: Callable[[], None]) -> None:
            self.look = callback

    callers = [{"name": "billing", "token": "billing_token"}]
    settings = (f"identity.callers={json.dumps(callers)}",)
    config = load(environment="local", env={}, overrides=settings).config
    keeper = Keeper()
    build_identity(config, cast("SecretWatcher", keeper), lambda: "x", FakeClock())

    with capture_logs() as logs:
        keeper.look()

    assert [(one["caller"], one["field"]) for one in logs] == [
        ("billing", "billing_token")
    ]
    assert "gw_too_short" not in f"{logs}"
