"""The subscribers of an event type, and the digests of their URLs."""

from gateway.inbox.options import SubscriberOptions
from gateway.inbox.policy import targets, wanting

ALL = SubscriberOptions(name="all", url="http://x", events=("*",))
LOANS = SubscriberOptions(name="loans", url="http://y", events=("loan.*",))


def test_each_type_goes_to_who_wants_it() -> None:
    """As when it arrived."""
    assert wanting([ALL, LOANS])("customer.active") == ["all"]
    assert wanting([ALL, LOANS])("loan.active") == ["all", "loans"]


def test_another_url_is_another_target() -> None:
    """What one said of itself does not hold for the next."""
    moved = SubscriberOptions(name="all", url="http://z", events=("*",))

    assert targets([ALL]).keys() == targets([moved]).keys()
    assert targets([ALL]) != targets([moved])
    assert "http" not in str(targets([ALL]))
