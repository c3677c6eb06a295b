"""`check` ended with a traceback where a setting or a secret was out of range."""

import os
import subprocess
import sys

import pytest

from tests.upstreams import ScriptedUpstream

FOUND = {
    "DINIE_CLIENT_ID": "dinie_ci_test_x",
    "DINIE_CLIENT_SECRET": "dinie_cs_test_x",
    "DINIE_SECRET_CLIENT_CREATED_AT": "1790000000",
}


@pytest.mark.parametrize(
    ("more", "code", "says"),
    [
        pytest.param(
            {"GATEWAY__ROTATION__INTERVAL": "1e300"}, 0, "rotated from", id="interval"
        ),
        pytest.param(
            {"GATEWAY__ROTATION__EARLY": "1e300"}, 0, "rotated from", id="early"
        ),
        pytest.param(
            {"DINIE_CLIENT_SECRET": "\udcff"}, 1, "credential_malformed", id="no-text"
        ),
    ],
)
def test_check_says_what_is_odd(
    upstream: ScriptedUpstream, more: dict[str, str], code: int, says: str
) -> None:
    """Never to rotate is a decision, and a variable may hold any bytes."""
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "check"],
        env={
            "PATH": os.environ.get("PATH", ""),
            **FOUND,
            "GATEWAY__UPSTREAM__BASE_URL": upstream.base_url,
            **more,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )

    assert (done.returncode, says in done.stdout + done.stderr) == (code, True)
