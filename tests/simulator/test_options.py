"""Settings of webhooks as the command line reads them."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli import cli
from tests.simulator.receiver import SECRET


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["--webhook-secret", SECRET], "without a webhook_url", id="alone"),
        pytest.param(
            ["--webhook-url", "http://127.0.0.1:1", "--webhook-secret", "whsec_x"],
            "webhook_secret: Value error, whsec_ and padded base64",
            id="cannot-sign",
        ),
    ],
)
def test_a_secret_that_signs_nothing_is_exit_2(arguments: list[str], said: str) -> None:
    """A receiver that refuses everything is no fun to look into."""
    result = CliRunner().invoke(cli, ["simulate", *arguments])

    assert result.exit_code == 2
    assert said in result.output


@pytest.mark.parametrize(
    "line",
    [
        "webhook_duplicates: 2",
        "webhook_speed: 0",
        "webhook_schedule: [-1]",
        "webhook_concurrency: 0",
    ],
)
def test_a_setting_out_of_its_range_is_exit_2(tmp_path: Path, line: str) -> None:
    """It is named."""
    file = tmp_path / "simulator.yaml"
    file.write_text(line)

    result = CliRunner().invoke(cli, ["simulate", "--config", str(file)])

    assert result.exit_code == 2
    assert line.partition(":")[0] in result.output
