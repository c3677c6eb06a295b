"""Options of Vault: its address, the login, and the path of the secrets."""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Gt


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultAuthOptions:
    """How to log in."""

    method: Literal["token", "approle", "kubernetes", "jwt"] = "token"
    mount: str | None = None  # by default the method's name
    role: str | None = None  # for kubernetes and jwt
    jwt_file: str | None = None  # read at each login; kubernetes has a default
    role_id_file: str | None = None  # read at each login
    secret_id_file: str | None = None  # read at each login
    secret_id_wrapped: bool = False  # the file holds a wrapping token, spent by use
    token_file: str | None = None  # read before each use; without it, VAULT_TOKEN


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultOptions:
    """Vault as the secrets provider."""

    address: str | None = None
    namespace: str | None = None
    ca_file: str | None = None  # PEM, trusted instead of the public ones
    kv_mount: str = "secret"
    kv_version: Literal[1, 2] = 2
    path: str = ""
    refresh: Annotated[float, Gt(0)] = (
        60.0  # s between reads, +/- 10 %; of all providers
    )
    auth: VaultAuthOptions = VaultAuthOptions()
