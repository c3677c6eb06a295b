"""The alert rules: do they fire when they should, on metrics that exist?"""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.core.attempt import Outcome
from gateway.telemetry.metrics import Metrics
from gateway.upstream.transport import STATUS_CLASSES

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy" / "prometheus" / "alerts.yaml"
CASES = ROOT / "deploy" / "prometheus" / "alerts_test.yaml"
RUNBOOK = ROOT / "docs" / "runbook.md"

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed"
)


def rules() -> list[dict[str, Any]]:
    """Return the rules of every group."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def alerts() -> dict[str, dict[str, Any]]:
    """Return the alerts by name."""
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def names(pattern: str, text: str) -> set[str]:
    """Return every match in a text."""
    return set(re.findall(pattern, text))


def check_with_promtool(*arguments: str) -> None:
    """Run promtool beside the rules and expect it to be content."""
    done = subprocess.run(  # noqa: S603
        [shutil.which("promtool") or "promtool", *arguments],
        cwd=RULES.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_the_rules_are_valid() -> None:
    """Prometheus refuses a whole file for one bad rule."""
    check_with_promtool("check", "rules", RULES.name)


@needs_promtool
def test_the_rules_fire_in_their_cases_and_only_there() -> None:
    """An alert that was never seen firing is a hope."""
    check_with_promtool("test", "rules", CASES.name)


@pytest.mark.parametrize("rule", rules(), ids=lambda r: r.get("alert") or r["record"])
def test_every_metric_that_a_rule_uses_exists(rule: dict[str, Any]) -> None:
    """A rule on a metric that nobody exports is silent for ever."""
    page = Metrics(environment="local").render().decode()
    exported = names(r"(?m)^# TYPE (\S+) ", page)
    recorded = {other["record"] for other in rules() if "record" in other}

    used = names(r"(?:dinie_gateway|process)_[a-z0-9_]+", rule["expr"])
    derived = names(r"dinie_gateway:[a-z0-9_:]+", rule["expr"])

    assert used | derived
    assert used <= exported
    assert derived <= recorded


@pytest.mark.parametrize("rule", rules(), ids=lambda r: r.get("alert") or r["record"])
def test_every_outcome_that_a_rule_looks_for_can_happen(rule: dict[str, Any]) -> None:
    """A misspelt label value is as silent as a missing metric."""
    possible = {*STATUS_CLASSES, *(str(outcome) for outcome in Outcome)}

    assert names(r'outcome="([^"]*)"', rule["expr"]) <= possible


@pytest.mark.parametrize("name", sorted(alerts()))
def test_every_alert_says_what_to_do_and_where_to_read_on(name: str) -> None:
    """At three in the morning a name alone is not enough."""
    alert = alerts()[name]
    headings = names(r"(?m)^## (\w+)$", RUNBOOK.read_text())

    assert alert["labels"] == {"severity": alert["labels"]["severity"]}
    assert alert["labels"]["severity"] in {"critical", "warning"}
    assert set(alert["annotations"]) == {"summary", "description", "runbook_url"}
    assert alert["annotations"]["runbook_url"] == f"docs/runbook.md#{name.lower()}"
    assert name in headings


def test_the_runbook_has_no_section_without_an_alert() -> None:
    """A page that nothing leads to is out of date."""
    headings = names(r"(?m)^## (Dinie\w+)$", RUNBOOK.read_text())

    assert headings == set(alerts())


@pytest.mark.parametrize("name", sorted(alerts()))
def test_every_alert_has_a_case_that_fires_and_one_that_does_not(name: str) -> None:
    """Each threshold is tried from both sides."""
    cases = yaml.safe_load(CASES.read_text())["tests"]

    fires = {
        bool(case["exp_alerts"])
        for test in cases
        for case in test["alert_rule_test"]
        if case["alertname"] == name
    }

    assert fires == {True, False}
