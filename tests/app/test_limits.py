"""Limits: callers of the configuration count as present from the start."""

from structlog.testing import capture_logs

from gateway.admission.spool import Spool
from gateway.app.limits import build_limits, say, spool_check
from gateway.config.load import load
from gateway.ratelimit.accounting import Lane
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


def test_a_folder_in_trouble_makes_unready_and_is_an_error_in_the_log() -> None:
    """Large bodies are refused until somebody frees the disk."""
    spool = Spool(folder="/spill")
    good = spool_check(spool)
    spool.trouble = "/spill cannot be written"

    with capture_logs() as logs:
        say("spill_folder_failed", folder="/spill")
        say("spill_folder_works", folder="/spill")

    bad = spool_check(spool)
    assert (good.ok, bad.ok, bad.reason) == (True, False, "/spill cannot be written")
    assert [line["log_level"] for line in logs] == ["error", "info"]
