"""Creates, lists and revokes the partner's credentials."""

import hmac
from typing import Any

from gateway.simulator.fields import MOMENT, TEXT, check, moment
from gateway.simulator.response import Refusal, Reply, ok, required
from gateway.simulator.world import Record, World

_REFUSED = "unknown client or wrong secret"


class Credentials:
    """The partner's API keys. Revoking one leaves its tokens alone."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._secrets: dict[str, str] = {}
        self._records: dict[str, Record] = {}
        options = world.options
        self._add(options.client_id, options.client_secret, "simulator", None)

    def all(self) -> list[Record]:
        """Return all credentials, without their secrets."""
        return list(self._records.values())

    def check(self, client_id: str, secret: str) -> None:
        """Check a pair, noting its use.

        Raises:
            Refusal: 401, the same for whatever is wrong.
        """
        record = self._records.get(client_id)
        known = self._secrets.get(client_id, "")
        matches = hmac.compare_digest(known.encode(), secret.encode())
        if record is None or not matches or not self._active(record):
            raise Refusal(401, "invalid_client", _REFUSED)
        record["last_used_at"] = self._world.now()

    def create(self, content: dict[str, Any]) -> Reply:
        """Add a credential; its secret is shown this once.

        Raises:
            Refusal: 422.
        """
        required(content, "name")
        check(content, name=TEXT, expires_at=MOMENT)
        expires_at = content.get("expires_at")
        ids = self._world.ids
        client_id = f"dinie_ci_test_{ids.text(12)}"
        secret = f"dinie_cs_test_{ids.text(32)}"
        record = self._add(client_id, secret, content["name"], expires_at)
        return ok({**record, "client_secret": secret}, 201)

    def revoke(self, client_id: str) -> Reply:
        """End a credential for good.

        Raises:
            Refusal: 404; 409 for the last active one, where that is switched on.
        """
        record = self._records.get(client_id)
        if record is None:
            raise Refusal(404, "not_found", "no such credential")
        active = [one["client_id"] for one in self.all() if self._active(one)]
        if active == [client_id] and self._world.options.keep_last_credential:
            raise Refusal(409, "last_credential", "it is the last active one")
        self._world.touch(record, status="revoked")
        return Reply(204)

    def _add(self, client_id: str, secret: str, name: str, expires_at: Any) -> Record:
        record: Record = {
            "id": client_id,
            "client_id": client_id,
            "name": name,
            "status": "active",
            "expires_at": expires_at,
            "last_used_at": None,
            "created_at": self._world.now(),
            "updated_at": self._world.now(),
        }
        self._secrets[client_id] = secret
        self._records[client_id] = record
        return record

    def _active(self, record: Record) -> bool:
        if record["status"] != "active":
            return False
        ends = record["expires_at"]
        return ends is None or self._world.clock.unix() < moment(ends)
