"""Which settings are there? Sections of rooms are the rooms' own options."""

from typing import Annotated, Literal, Self
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
from gateway.admission.policy import UPLOAD_SLOTS
from gateway.breaker.options import BreakerOptions
from gateway.config.address import Address, parse_address
from gateway.deadline.options import DeadlineOptions
from gateway.idempotency.options import IdempotencyOptions
from gateway.ratelimit.options import RateLimitOptions
from gateway.retry.options import RetryOptions
from gateway.telemetry.options import TelemetryOptions

ENVIRONMENTS = ("local", "sandbox", "production")
Environment = Literal["local", "sandbox", "production"]
Seconds = Annotated[float, Field(gt=0)]
Where = Annotated[
    Address,
    BeforeValidator(parse_address),
    PlainSerializer(str),
]


class _Section(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        arbitrary_types_allowed=True,
        allow_inf_nan=False,
    )


class Upstream(_Section):
    """Dinie."""

    base_url: str
    accepted_prefixes: tuple[str, ...] = ("/v3", "/api/v3")
    ca_file: str | None = None
    pool_size: Annotated[int, Field(ge=1)] = 100
    token_auth: Literal["basic", "json"] = "basic"  # noqa: S105 - a dialect

    @field_validator("base_url")
    @classmethod
    def _plain(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("must be an http or https URL with a host")
        if parts.query or parts.fragment or "@" in parts.netloc:
            raise ValueError("must have no query, fragment or credentials")
        if not value.isascii() or not value.isprintable() or " " in value:
            raise ValueError("must be plain ASCII")
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
    admin: Where = Address("127.0.0.1", 8081)


class Drain(_Section):
    """How the gateway stops."""

    accept: Annotated[float, Field(ge=0)] = 5.0
    finish: Annotated[float, Field(ge=0)] = 30.0


class VaultAuth(_Section):
    """How to log in to Vault."""

    method: Literal["token", "approle"] = "token"
    mount: str | None = None
    role_id_file: str | None = None
    secret_id_file: str | None = None
    token_file: str | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.method == "approle" and not (self.role_id_file and self.secret_id_file):
            raise ValueError("approle needs role_id_file and secret_id_file")
        return self


class VaultSecrets(_Section):
    """Vault as the secrets provider."""

    address: str | None = None
    namespace: str | None = None
    ca_file: str | None = None
    kv_mount: str = "secret"
    kv_version: Literal[1, 2] = 2
    path: str = ""
    refresh: Seconds = 60.0
    auth: VaultAuth = VaultAuth()


class FileSecrets(_Section):
    """Files as the secrets provider."""

    directory: str | None = None


class Secrets(_Section):
    """Where secrets come from."""

    provider: Literal["vault", "file", "env"] = "vault"
    vault: VaultSecrets = VaultSecrets()
    file: FileSecrets = FileSecrets()

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.provider == "file" and not self.file.directory:
            raise ValueError("provider file needs secrets.file.directory")
        if self.provider == "vault" and not self.vault.address:
            raise ValueError("provider vault needs secrets.vault.address or VAULT_ADDR")
        return self


class Config(_Section):
    """Everything that can be set."""

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
    telemetry: TelemetryOptions = TelemetryOptions()

    @field_validator("service")
    @classmethod
    def _label(cls, value: str) -> str:
        if len(value) > 63 or not value.isascii() or not value.isprintable():  # noqa: PLR2004
            raise ValueError("must be up to 63 printable ASCII characters")
        return value

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.deadline.total > self.deadline.maximum:
            raise ValueError("deadline.total must not be above deadline.maximum")
        least = self.admission.max_in_flight + UPLOAD_SLOTS
        if self.upstream.pool_size < least:
            raise ValueError(
                f"upstream.pool_size must be at least {least}: "
                f"admission.max_in_flight and {UPLOAD_SLOTS} for uploads"
            )
        if self.environment != "local" and self.upstream.base_url.startswith("http:"):
            raise ValueError("upstream.base_url must be https outside local")
        return self
