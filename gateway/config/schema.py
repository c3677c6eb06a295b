"""The schema of the configuration; the section of a room is the room's own options."""

import re
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    field_validator,
    model_validator,
)

from gateway.admission.options import AdmissionOptions
from gateway.breaker.options import BreakerOptions
from gateway.core.address import Address, parse_address
from gateway.core.origin import is_host
from gateway.deadline.options import DeadlineOptions
from gateway.idempotency.options import IdempotencyOptions
from gateway.identity.options import IdentityOptions
from gateway.inbox.options import InboxOptions
from gateway.inbox.policy import PATTERN
from gateway.ratelimit.options import RateLimitOptions
from gateway.retry.options import RetryOptions
from gateway.rotation.options import RotationOptions
from gateway.server.options import TlsOptions
from gateway.storage.database.files import WITHOUT_ENVIRONMENT
from gateway.telemetry.options import TelemetryOptions
from gateway.vault.options import VaultOptions

ENVIRONMENTS = ("local", "sandbox", "production")
Environment = Literal["local", "sandbox", "production"]
_PLAIN_PATH: Final = re.compile(r"(?!\.\.?(/|$))[\w.~ -]+(/(?!\.\.?(/|$))[\w.~ -]+)*")
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
Where = Annotated[
    Address,
    BeforeValidator(parse_address),
    PlainSerializer(str),
]

_SETTLING = 10.0  # s that a lease outlasts an attempt, to record its outcome


class _Section(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        arbitrary_types_allowed=True,
        allow_inf_nan=False,
    )


def check_url(value: str, *, name: str) -> None:
    """Check that a value is a plain http or https URL.

    Raises:
        ValueError: It is not; the text does not repeat the value.
    """
    try:
        parts = urlsplit(value)
        _ = parts.port  # raises where it is no number
    except ValueError:
        parts = urlsplit("")  # the original error would repeat the host
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"{name} must be an http or https URL with a host")
    if "?" in value or "#" in value or "@" in parts.netloc:
        raise ValueError(f"{name} must have no query, fragment or credentials")
    if not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError(f"{name} must be plain ASCII")


class Upstream(_Section):
    """Dinie's API, and the connections to it."""

    base_url: str
    accepted_prefixes: tuple[str, ...] = ("/v3", "/api/v3")
    ca_file: str | None = None
    pool_size: Annotated[int, Field(ge=1)] = 100
    token_auth: Literal["basic", "json"] = "basic"  # noqa: S105 - a dialect

    @field_validator("base_url")
    @classmethod
    def _plain(cls, value: str) -> str:
        check_url(value, name="upstream.base_url")
        return value.rstrip("/")

    @field_validator("accepted_prefixes")
    @classmethod
    def _paths(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for prefix in value:
            if not prefix.startswith("/") or prefix.endswith("/"):
                raise ValueError("each must start with / and not end with one")
        return value


class Listen(_Section):
    """Where the gateway listens."""

    proxy: Where = Address("127.0.0.1", 8080)
    webhooks: Where = Address()
    admin: Where = Address("127.0.0.1", 8081)
    hosts: tuple[str, ...] = ()  # further Host names that a loopback listener takes
    tls: TlsOptions = TlsOptions()

    @field_validator("hosts")
    @classmethod
    def _bare(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(is_host(name) for name in value):
            raise ValueError("hosts: each must be a name or an address, without a port")
        return value


class Drain(_Section):
    """How the gateway stops."""

    accept: Annotated[float, Field(ge=0)] = 5.0
    finish: Annotated[float, Field(ge=0)] = 30.0


class Storage(_Section):
    """Where the gateway keeps what outlives the process."""

    backend: Literal["sqlite"] = "sqlite"
    sqlite_path: Annotated[str, Field(min_length=1)] = WITHOUT_ENVIRONMENT


class FileSecrets(_Section):
    """Files as the secrets provider."""

    directory: str | None = None


class Secrets(_Section):
    """The provider of the secrets."""

    provider: Literal["vault", "file", "env"] = "vault"
    vault: VaultOptions = VaultOptions()
    file: FileSecrets = FileSecrets()

    @field_validator("vault")
    @classmethod
    def _reachable(cls, value: VaultOptions) -> VaultOptions:
        if value.address:
            check_url(value.address, name="secrets.vault.address")
        for name, text in (("kv_mount", value.kv_mount), ("path", value.path)):
            if not _PLAIN_PATH.fullmatch(text):
                raise ValueError(
                    f"secrets.vault.{name} must be a path of plain segments, "
                    "without a slash at either end"
                )
        return value


def check_callers(value: IdentityOptions) -> None:
    """Check that callers can be distinguished.

    Raises:
        ValueError: They cannot; the text says why.
    """
    callers = value.callers
    for kind in ("name", "subject", "certificate"):
        named = [one for caller in callers if (one := getattr(caller, kind))]
        if len(set(named)) < len(named):
            raise ValueError(f"callers: each needs a {kind} of its own")
    for one in callers:
        if not _NAME.fullmatch(one.name) or one.name == "other":
            raise ValueError(
                "callers: name must be 1 to 63 of a-z, 0-9, - and _, and not other"
            )
    keyed = (value.jwks_file, value.issuer, value.audience)
    if any(one.subject for one in callers) and not all(keyed):
        raise ValueError("callers: subject needs jwks_file, issuer and audience")


class Config(_Section):
    """Every setting."""

    environment: Environment
    service: str = ""
    upstream: Upstream
    listen: Listen = Listen()
    drain: Drain = Drain()
    secrets: Secrets = Field(default_factory=Secrets)
    deadline: DeadlineOptions = DeadlineOptions()
    retry: RetryOptions = RetryOptions()
    ratelimit: RateLimitOptions = RateLimitOptions()
    breaker: BreakerOptions = BreakerOptions()
    admission: AdmissionOptions = AdmissionOptions()
    idempotency: IdempotencyOptions = IdempotencyOptions()
    identity: IdentityOptions = IdentityOptions()
    webhooks: InboxOptions = InboxOptions()
    storage: Storage = Storage()
    rotation: RotationOptions = RotationOptions()
    telemetry: TelemetryOptions = TelemetryOptions()

    @field_validator("service")
    @classmethod
    def _label(cls, value: str) -> str:
        if len(value) > 63 or not value.isascii() or not value.isprintable():  # noqa: PLR2004
            raise ValueError("must be up to 63 printable ASCII characters")
        return value

    @field_validator("admission")
    @classmethod
    def _rooted(cls, value: AdmissionOptions) -> AdmissionOptions:
        # A rule without its slash would match nothing, so it would deny nothing.
        if not all(
            rule.startswith("/") for rule in (*value.deny, *value.upload_routes)
        ):
            raise ValueError("deny and upload_routes: each must start with /")
        return value

    @field_validator("idempotency")
    @classmethod
    def _sendable(cls, value: IdempotencyOptions) -> IdempotencyOptions:
        if not re.fullmatch(r"[!-~]{0,64}", value.namespace):
            raise ValueError("namespace must be up to 64 visible ASCII characters")
        return value

    @field_validator("listen")
    @classmethod
    def _whole_tls(cls, value: Listen) -> Listen:
        tls = value.tls
        if (tls.cert_file is None) != (tls.key_file is None):
            raise ValueError("tls: cert_file and key_file go together")
        if tls.client_ca_file and tls.cert_file is None:
            raise ValueError("tls: client_ca_file needs cert_file and key_file")
        return value

    @field_validator("identity")
    @classmethod
    def _distinct(cls, value: IdentityOptions) -> IdentityOptions:
        check_callers(value)
        return value

    @model_validator(mode="after")
    def _certified(self) -> "Config":
        named = any(one.certificate for one in self.identity.callers)
        if named and not self.listen.tls.client_ca_file:
            raise ValueError("identity.callers: certificate needs listen.tls")
        return self

    @field_validator("webhooks")
    @classmethod
    def _deliverable(cls, value: InboxOptions) -> InboxOptions:
        if not re.fullmatch(r"/[!-~]*", value.path) or "?" in value.path:
            raise ValueError("path must be a plain path that starts with /")
        names = [one.name for one in value.subscribers]
        if len(set(names)) < len(names):
            raise ValueError("subscribers: each needs a name of its own")
        for one in value.subscribers:
            if not _NAME.fullmatch(one.name):
                raise ValueError(
                    "subscribers: name must be 1 to 63 of a-z, 0-9, - and _"
                )
            check_url(one.url, name=f"subscribers: url of {one.name}")
            if not all(PATTERN.fullmatch(event) for event in one.events):
                raise ValueError(
                    f"subscribers: events of {one.name} must be types, customer.* or *"
                )
            if one.timeout + _SETTLING > value.lease:
                raise ValueError(
                    f"subscribers: timeout of {one.name} must be {_SETTLING:.0f} s or "
                    "more below webhooks.lease, or its tries outlive their lease"
                )
        return value
