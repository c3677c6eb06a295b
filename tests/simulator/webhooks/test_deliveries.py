"""What the journal says of a webhook."""

from gateway.simulator.webhooks.deliveries import Attempt, Delivery


def test_a_delivery_that_was_never_sent_has_no_status() -> None:
    """It may still wait for a place."""
    delivery = Delivery("evt_1", "loan.active", "we_1")

    assert (delivery.attempts, delivery.last_status) == (0, 0)
    assert not delivery.acknowledged


def test_an_acknowledgement_stays_when_a_duplicate_fails() -> None:
    """The receiver took it; what it says to a copy changes nothing."""
    history = [Attempt(1.0, [], 200), Attempt(2.0, ["bad_signature"], 401)]
    delivery = Delivery("evt_1", "loan.active", "we_1", history)

    assert delivery.as_dict() == {
        "webhook_id": "evt_1",
        "event_type": "loan.active",
        "endpoint_id": "we_1",
        "attempts": 2,
        "last_status": 401,
        "acknowledged": True,
        "history": [
            {"at": 1.0, "faults": [], "status": 200},
            {"at": 2.0, "faults": ["bad_signature"], "status": 401},
        ],
    }
