"""Listed: what an entry of Dinie's says, and what it leaves open."""

from gateway.upstream.credential_record import listed_credential


def test_an_entry_of_either_generation_is_understood() -> None:
    """One calls it id, the other client_id."""
    old = listed_credential({"id": "a", "name": "x", "status": "revoked"})
    new = listed_credential(
        {"id": "1", "client_id": "b", "status": "active", "last_used_at": 5}
    )

    assert (old.client_id, old.name, old.active) == ("a", "x", False)
    assert (new.client_id, new.active, new.last_used) == ("b", True, 5.0)
    assert (old.created, old.expires, old.last_used) == (None, None, None)
