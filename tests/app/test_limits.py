"""Limits: callers of the configuration count as present from the start."""

from structlog.testing import capture_logs

from gateway.app.limits import build_limits, log_event
from gateway.config.load import load
from gateway.core.lanes import Lane
from gateway.telemetry.metrics import Metrics
from tests.fakes import FakeClock


def test_slots_and_places_are_shared_by_the_callers_of_the_configuration() -> None:
    """The first flood after a start must find the others' part kept."""
    config = load("local", env={}).config

    limits = build_limits(
        config,
        FakeClock(),
        Metrics(environment="local"),
        {"billing": 1.0, "crm": 1.0},
    )

    slots = limits.bulkhead.ordinary
    taken = 0
    while slots.take_free("billing", Lane.NORMAL):
        taken += 1
    assert taken < config.admission.max_in_flight
    assert slots.take_free("crm", Lane.NORMAL)
    assert slots.take_free("crm", Lane.PRIORITY)


def test_a_folder_in_trouble_is_an_error_in_the_log() -> None:
    """Its end is not one: it needs no action."""
    with capture_logs() as logs:
        log_event("spill_folder_failed", folder="/spill")
        log_event("spill_folder_works", folder="/spill")

    assert [line["log_level"] for line in logs] == ["error", "info"]
