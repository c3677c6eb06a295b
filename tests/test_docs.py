"""README.md: names everything there is, and nothing that there is not."""

import dataclasses
import re
from pathlib import Path

import click
import pytest
from prometheus_client.core import CounterMetricFamily

from gateway.cli import cli
from gateway.config.keys import known_keys
from gateway.core.problems import CATALOGUE
from gateway.simulator.options import SimulatorOptions
from gateway.telemetry.metrics import Metrics

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
RESPONSE_HEADERS = (
    "X-Gateway-Request-Id",
    "Idempotency-Key",
    "Idempotency-Replayed",
    "X-Gateway-Attempts",
    "X-Gateway-Environment",
    "X-Gateway-Retry",
    "X-Gateway-Error",
    "Proxy-Status",
    "Retry-After",
    "Server-Timing",
)
REQUEST_HEADERS = (
    "Idempotency-Key",
    "X-Idempotency-Key",
    "X-Request-Id",
    "X-Request-Timeout-Ms",
    "X-Dinie-Retry-Count",
    "X-Gateway-Caller",
    "X-Gateway-Priority",
    "traceparent",
)


def table(head: str) -> list[list[str]]:
    """Return the rows of the table that begins with a head cell."""
    text = README.split(f"\n| {head} |", 1)[1].split("\n\n", 1)[0]
    rows = text.split("\n")[2:]
    return [re.split(r"(?<!\\)\|", row)[1:-1] for row in rows]


def names(head: str) -> list[str]:
    """Return what the first column of a table names."""
    return [n for row in table(head) for n in re.findall("`([^`]+)`", row[0])]


def metric_names() -> set[str]:
    """Return the metrics of the registry, as Prometheus shows them."""
    found = set()
    for family in Metrics(environment="local").registry.collect():
        counter = isinstance(family, CounterMetricFamily) or family.type == "counter"
        suffix = "_total" if counter else ""
        if family.name.startswith("dinie_gateway_"):
            found.add(family.name + suffix)
    return found


def test_every_configuration_key_is_documented_and_exists() -> None:
    """A key that nobody can find, or that does nothing, costs an afternoon."""
    assert sorted(names("Key")) == sorted(known_keys())


def test_every_problem_is_documented_with_its_status_and_exists() -> None:
    """A caller looks the slug up."""
    documented = {row[0].strip(" `"): int(row[1]) for row in table("Slug")}

    assert documented == {p.slug: p.status for p in CATALOGUE.values()}


def test_every_metric_is_documented_and_exists() -> None:
    """Alerts are written from this table."""
    documented = [name.partition("{")[0] for name in names("Metric")]

    assert sorted(documented) == sorted(metric_names())


def test_every_command_is_documented_and_exists() -> None:
    """The table is what people paste from."""
    commands = cli.list_commands(click.Context(cli))

    assert [row[0].strip() for row in table("Command")] == [
        f"`dinie-gateway {name}`" for name in commands
    ]


@pytest.mark.parametrize(
    "row", [pytest.param(row, id=row[0].strip(" `")) for row in table("Command")]
)
def test_every_option_in_the_table_of_commands_exists(row: list[str]) -> None:
    """A pasted line works."""
    name = row[0].strip(" `").split()[-1]
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    parts = [command]
    if isinstance(command, click.Group):
        parts += command.commands.values()
    known = {o for part in parts for param in part.params for o in param.opts}

    documented = set(re.findall(r"`(--[a-z-]+)", row[1]))

    assert documented <= known


def test_every_command_of_the_inbox_is_documented_and_exists() -> None:
    """Somebody on call types them from the table."""
    group = cli.get_command(click.Context(cli), "inbox")
    assert isinstance(group, click.Group)
    (row,) = [row for row in table("Command") if "gateway inbox" in row[0]]

    documented = set(re.findall(r"`([a-z]+)[ `]", row[1]))

    assert documented == set(group.commands)


@pytest.mark.parametrize(
    ("head", "headers"),
    [
        pytest.param("Request header", REQUEST_HEADERS, id="request"),
        pytest.param("Response header", RESPONSE_HEADERS, id="response"),
    ],
)
def test_the_headers_are_these(head: str, headers: tuple[str, ...]) -> None:
    """Services are written against these tables."""
    documented = [name for name in names(head) if name[0].isupper() or name in headers]

    assert documented == list(headers)


def test_every_header_of_ours_in_the_code_is_documented() -> None:
    """No header appears that nobody can look up."""
    code = "".join(path.read_text() for path in (ROOT / "gateway").rglob("*.py"))
    used = {name.lower() for name in re.findall(r"(?i)x-gateway-[a-z-]+[a-z]", code)}

    documented = set(re.findall(r"x-gateway-[a-z-]+[a-z]", README.lower()))

    assert used == documented


@pytest.mark.parametrize(
    "path", sorted(set(re.findall(r"`((?:deploy|docs|config)/[\w./-]+)`", README)))
)
def test_every_file_that_is_mentioned_exists(path: str) -> None:
    """A reader who follows a path arrives."""
    assert (ROOT / path).exists()


def test_every_webhook_option_of_the_simulator_is_documented() -> None:
    """Whoever wants a bad day for their handler looks there."""
    text = (ROOT / "docs" / "simulator.md").read_text()
    documented = set(re.findall(r"^\| `(webhook_[a-z_]+)`", text, re.MULTILINE))
    options = {one.name for one in dataclasses.fields(SimulatorOptions)}

    assert documented == {name for name in options if name.startswith("webhook_")}
