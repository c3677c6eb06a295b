"""database: commands before any gateway has written, or beside the wrong file."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli import cli
from gateway.cli.database import missing
from gateway.config.load import load


@pytest.mark.parametrize(
    ("command", "code"),
    [
        pytest.param(["ledger", "list"], 0, id="ledger-list"),
        pytest.param(["ledger", "resolve", "k", "--done"], 1, id="ledger-resolve"),
        pytest.param(["inbox", "list"], 0, id="inbox-list"),
        pytest.param(["inbox", "stats"], 0, id="inbox-stats"),
        pytest.param(["inbox", "show", "evt_1"], 1, id="inbox-show"),
        pytest.param(["inbox", "replay", "--dead"], 1, id="inbox-replay"),
        pytest.param(["inbox", "enable", "crm"], 1, id="inbox-enable"),
        pytest.param(["inbox", "drop", "crm"], 1, id="inbox-drop"),
        pytest.param(["inbox", "rename", "a", "b"], 1, id="inbox-rename"),
    ],
)
@pytest.mark.parametrize("folder", [".", "none"], ids=["no-file", "no-folder"])
def test_a_file_that_no_gateway_has_written_yet_is_said_to_be_so(
    tmp_path: Path, folder: str, command: list[str], code: int
) -> None:
    """Nothing is listed then, and the folder's owner does not matter."""
    path = tmp_path / folder / "gateway.db"

    done = CliRunner().invoke(cli, [*command, "--set", f"storage.sqlite_path={path}"])

    assert (done.exit_code, done.stdout) == (code, "")
    assert f"no gateway has written {path}" in done.stderr.replace("/./", "/")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_is_not_missing(tmp_path: Path) -> None:
    """And neither is one below what this user may not enter: that has its own words."""
    path = tmp_path / "gateway.db"
    path.touch()
    there, odd = (
        load(
            environment="local", env={}, overrides=(f"storage.sqlite_path={one}",)
        ).config
        for one in (path, tmp_path / ("x" * 300))
    )

    assert (missing(there), missing(odd)) == (None, None)


def test_intents_without_a_file_are_no_fresh_start(tmp_path: Path) -> None:
    """A gateway wrote them, and POSTs may have taken effect."""
    path = tmp_path / "gateway.db"
    (tmp_path / "gateway.db.intents.0000000001").touch()

    done = CliRunner().invoke(
        cli, ["ledger", "list", "--set", f"storage.sqlite_path={path}"]
    )

    assert done.exit_code == 1
    assert "cannot be opened" in done.stderr
