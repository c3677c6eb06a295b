"""Vaults to run one suite against: ours always, a real one where there is one."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Protocol

import hvac
import pytest
from hvac import exceptions

from tests.vault.fake import PATH, ROOT, FakeVault

NONE = "no real Vault: set VAULT_ADDR and a root VAULT_TOKEN (make test-vault)"
POLICY = """
path "{mount}/data/{path}" {{ capabilities = ["read"] }}
path "{mount}/metadata/{path}" {{ capabilities = ["read"] }}
"""


class Server(Protocol):
    """What the suite asks of a Vault's administrator."""

    address: str
    token: str  # may do everything
    mount: str
    approle: str  # the login's mount
    role_id: str

    def put(self, **fields: str) -> None:
        """Write the gateway's secret."""

    def delete(self) -> None:
        """Delete its newest version."""

    def destroy(self, suffix: str = "") -> None:
        """Destroy its newest version, or that of the secret beside it, for good."""

    def secret_id(self) -> str:
        """Return a secret id that leads to a read-only token."""

    def wrapped(self) -> str:
        """Return a wrapping token with a secret id in it."""

    def revoke_logins(self) -> None:
        """End every token that a login gave."""


class FakeServer:
    """The one in the tests, as a `Server`."""

    mount, approle = "secret", "approle"

    def __init__(self, vault: FakeVault) -> None:
        self._vault = vault
        self.address, self.token = vault.address, vault.grant(ROOT)
        self.role_id = vault.role[0]

    def put(self, **fields: str) -> None:
        self._vault.put(**fields)

    def delete(self) -> None:
        self._vault.delete_newest()

    def destroy(self, suffix: str = "") -> None:
        self._vault.kv.destroy_newest(PATH + suffix)

    def secret_id(self) -> str:
        return self._vault.role[1]

    def wrapped(self) -> str:
        self._vault.wrapped["hvs.wrapping"] = self._vault.role[1]
        return "hvs.wrapping"

    def revoke_logins(self) -> None:
        for token in [one for one in self._vault.tokens if "login" in one]:
            del self._vault.tokens[token]


class RealServer:
    """A real one; everything that it makes has a name of its own and is removed."""

    def __init__(self, address: str, token: str) -> None:
        self.address, self.token = address, token
        self._name = f"dinie-test-{secrets.token_hex(4)}"
        self.mount = f"{self._name}-kv"
        self.approle = f"{self._name}-approle"
        self._vault: Any = hvac.Client(url=address, token=token)
        self._vault.sys.enable_secrets_engine(
            "kv", path=self.mount, options={"version": "2"}
        )
        self._vault.sys.create_or_update_policy(
            self._name, POLICY.format(mount=self.mount, path=PATH)
        )
        self._vault.sys.enable_auth_method("approle", path=self.approle)
        roles = self._vault.auth.approle
        roles.create_or_update_approle(
            "gw", token_policies=[self._name], token_ttl="60s", mount_point=self.approle
        )
        self.role_id = roles.read_role_id("gw", mount_point=self.approle)["data"][
            "role_id"
        ]

    def put(self, **fields: str) -> None:
        self._vault.secrets.kv.v2.create_or_update_secret(
            PATH, secret=fields, mount_point=self.mount
        )

    def delete(self) -> None:
        self._vault.secrets.kv.v2.delete_latest_version_of_secret(
            PATH, mount_point=self.mount
        )

    def destroy(self, suffix: str = "") -> None:
        kv = self._vault.secrets.kv.v2
        about = kv.read_secret_metadata(PATH + suffix, mount_point=self.mount)["data"]
        kv.destroy_secret_versions(
            PATH + suffix, [about["current_version"]], mount_point=self.mount
        )

    def secret_id(self) -> str:
        made = self._vault.auth.approle.generate_secret_id(
            "gw", mount_point=self.approle
        )
        return str(made["data"]["secret_id"])

    def wrapped(self) -> str:
        made = self._vault.auth.approle.generate_secret_id(
            "gw", mount_point=self.approle, wrap_ttl="60s"
        )
        return str(made["wrap_info"]["token"])

    def revoke_logins(self) -> None:
        self._vault.sys.revoke_prefix(f"auth/{self.approle}")

    def remove(self) -> None:
        """Take away what was made."""
        with suppress(exceptions.VaultError):
            self._vault.sys.disable_auth_method(self.approle)
        with suppress(exceptions.VaultError):
            self._vault.sys.disable_secrets_engine(self.mount)
        with suppress(exceptions.VaultError):
            self._vault.sys.delete_policy(self._name)


@contextmanager
def real_server(environ: dict[str, str]) -> Iterator[Server]:
    """Yield a real Vault, or skip."""
    address, token = environ.get("VAULT_ADDR"), environ.get("VAULT_TOKEN")
    if not address or not token:
        pytest.skip(NONE)
    made = RealServer(address, token)
    try:
        yield made
    finally:
        made.remove()


ENVIRON = dict(os.environ)  # as it was, before a fixture changes it
