"""The reference: it names everything there is, and nothing that there is not."""

import dataclasses
import re
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from prometheus_client.core import CounterMetricFamily

from gateway.cli import cli
from gateway.config.keys import known_keys
from gateway.core.problems import CATALOGUE
from gateway.simulator.options import SimulatorOptions
from gateway.telemetry.metrics import Metrics

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
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
SHARED_OPTIONS = {"--config-dir", "--set"}  # described once, above the commands


def page(name: str) -> str:
    """Return the text of a page of the reference."""
    return (REFERENCE / f"{name}.md").read_text()


def table(text: str, head: str) -> list[list[str]]:
    """Return the rows of all tables of a text that begin with a head cell."""
    rows = []
    for part in text.split(f"\n| {head} |")[1:]:
        lines = part.split("\n\n", 1)[0].rstrip("\n").split("\n")[2:]
        rows += [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines]
    return rows


def names(text: str, head: str) -> list[str]:
    """Return what the first column of a table names."""
    return [n for row in table(text, head) for n in re.findall("`([^`]+)`", row[0])]


def flat(section: Any, prefix: str = "") -> dict[str, Any]:
    """Return a nested mapping under dotted keys."""
    if not isinstance(section, dict):
        return {prefix[:-1]: section}
    found: dict[str, Any] = {}
    for key, value in section.items():
        found |= flat(value, f"{prefix}{key}.")
    return found


def commands(group: click.Group, prefix: str) -> dict[str, click.Command]:
    """Return every command under its whole name."""
    context, found = click.Context(group), {}
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        found[f"{prefix} {name}"] = command
        if isinstance(command, click.Group):
            found |= commands(command, f"{prefix} {name}")
    return found


COMMANDS = commands(cli, "dinie-gateway")


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
    assert sorted(names(page("configuration"), "Key")) == sorted(known_keys())


def test_every_documented_default_is_the_one_of_the_base_file() -> None:
    """Whoever leaves a key out relies on this column."""
    base = flat(yaml.safe_load((ROOT / "config" / "base.yaml").read_text()))
    documented = {
        key: yaml.safe_load(literal[1])
        for row in table(page("configuration"), "Key")
        for key in re.findall("`([^`]+)`", row[0])
        if (literal := re.fullmatch(r" `([^`<]+)` ", row[1]))
        and not literal[1].startswith("VAULT_")
    }

    wrong = {
        key: (default, base[key])
        for key, default in documented.items()
        if base[key] != default
    }

    assert wrong == {}


def test_every_problem_is_documented_with_its_status_and_exists() -> None:
    """A caller looks the slug up."""
    documented = {
        row[0].strip(" `"): int(row[1]) for row in table(page("problems"), "Slug")
    }

    assert documented == {p.slug: p.status for p in CATALOGUE.values()}


def test_every_metric_is_documented_and_exists() -> None:
    """Alerts are written from this table."""
    documented = [name.partition("{")[0] for name in names(page("metrics"), "Metric")]

    assert sorted(documented) == sorted(metric_names())


def test_every_command_is_documented_and_exists() -> None:
    """The table is what people paste from."""
    rows = table(page("commands"), "Command")

    assert [row[0].strip() for row in rows] == [
        f"`dinie-gateway {name}`" for name in cli.list_commands(click.Context(cli))
    ]


def test_every_command_has_a_section_and_every_section_a_command() -> None:
    """Somebody on call types them from there."""
    sections = re.findall(
        r"^##+ (dinie-gateway .+)$", page("commands"), flags=re.MULTILINE
    )

    assert sorted(sections) == sorted(COMMANDS)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_option_of_a_command_is_in_its_section(name: str) -> None:
    """A pasted line works, and an option that helps can be found."""
    section = re.split(rf"^##+ {name}$", page("commands"), flags=re.MULTILINE)[1]
    text = re.split(r"^##", section, flags=re.MULTILINE)[0]
    options = {
        option
        for parameter in COMMANDS[name].params
        if isinstance(parameter, click.Option)
        for option in parameter.opts
    }

    assert set(names(text, "Option")) == options - SHARED_OPTIONS


@pytest.mark.parametrize(
    ("head", "headers"),
    [
        pytest.param("Request header", REQUEST_HEADERS, id="request"),
        pytest.param("Response header", RESPONSE_HEADERS, id="response"),
    ],
)
def test_the_headers_are_these(head: str, headers: tuple[str, ...]) -> None:
    """Services are written against these tables."""
    documented = [
        name
        for name in names(page("headers"), head)
        if name[0].isupper() or name in headers
    ]

    assert documented == list(headers)


def test_every_header_of_ours_in_the_code_is_documented() -> None:
    """No header appears that nobody can look up."""
    code = "".join(path.read_text() for path in (ROOT / "gateway").rglob("*.py"))
    used = {name.lower() for name in re.findall(r"(?i)x-gateway-[a-z-]+[a-z]", code)}

    documented = set(re.findall(r"x-gateway-[a-z-]+[a-z]", page("headers").lower()))

    assert used == documented


def test_every_readiness_check_is_documented_and_exists() -> None:
    """A pod that is not ready names one of them."""
    code = "".join(path.read_text() for path in (ROOT / "gateway").rglob("*.py"))
    known = re.findall(r'health\.add\(\s*"(\w+)"', code)
    known += re.findall(r'checks\["(\w+)"\] = ', code)

    assert sorted(names(page("admin"), "Check")) == sorted(known)


def test_every_path_of_the_admin_listener_is_documented_and_exists() -> None:
    """Probes, scrapes and people on call use them."""
    code = "".join(path.read_text() for path in (ROOT / "gateway/server").glob("*.py"))
    added = re.findall(r'router\.add_(get|post)\("(/[^"]*)"', code)
    listed = re.findall(r'\("(GET|POST)", "(/[^"]*)"', code)
    known = {f"{method.upper()} {path}" for method, path in added + listed}

    text = page("admin")

    assert {*names(text, "Path"), *names(text, "Inbox path")} == known


def test_every_log_line_that_the_runbook_names_exists() -> None:
    """Somebody searches the log for it."""
    code = "".join(path.read_text() for path in (ROOT / "gateway").rglob("*.py"))
    text = "".join(path.read_text() for path in DOCS.rglob("*.md"))
    named = re.findall(r"log lines? `([a-z_]+)`", text)

    assert named
    assert [name for name in named if f'"{name}"' not in code] == []


def test_every_webhook_option_of_the_simulator_is_documented() -> None:
    """Whoever wants a bad day for their handler looks there."""
    documented = set(
        re.findall(r"^\| `(webhook_[a-z_]+)`", page("simulator"), re.MULTILINE)
    )
    options = {one.name for one in dataclasses.fields(SimulatorOptions)}

    assert documented == {name for name in options if name.startswith("webhook_")}
