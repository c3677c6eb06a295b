"""Holds the settings of a simulator."""

from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from gateway.simulator.webhooks.signing import checked

Share = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
# s before each attempt: the example of the Standard Webhooks specification.
SCHEDULE: Final = (
    *(0.0, 5.0, 300.0, 1800.0, 7200.0, 18_000.0, 36_000.0, 50_400.0),
    *(72_000.0, 86_400.0),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorOptions:
    """Settings of one simulator."""

    profile: Literal["docs", "sdk"] = "docs"  # which generation of the contract
    seed: int = 1
    client_id: str = "dinie_ci_test_simulator"
    client_secret: str = "dinie_cs_test_simulator"  # noqa: S105 - made up
    token_ttl: float = 3600.0  # s
    single_token: bool = False  # a new token ends the older ones
    keep_last_credential: bool = True  # revoking the last active one is a 409
    rate_limit: int = 100  # requests per window
    rate_window: float = 60.0  # s
    reset_style: Literal["epoch", "delta"] = "epoch"
    retry_after: float | None = None  # s, sent with a 429
    retry_after_ms: float | None = None  # ms, sent with a 429
    idempotency_header: Literal["both", "docs", "sdk"] = "both"
    key_reuse_status: Literal[422, 409] = 422
    auto_step: bool = True  # life cycles move on by themselves

    # Webhooks. An endpoint of this URL is there from the start, for all events.
    webhook_url: str | None = None
    webhook_secret: Annotated[str, AfterValidator(checked)] | None = None  # or made up
    webhook_timeout: Annotated[float, Field(gt=0)] = 5.0  # s to answer in
    webhook_schedule: tuple[Seconds, ...] = SCHEDULE  # s before each attempt
    webhook_speed: Annotated[float, Field(gt=0)] = 1.0  # divides these waits
    webhook_concurrency: Annotated[int, Field(ge=1)] = 32  # sent at once
    # How likely each fault is; see `webhook_faults.WebhookFaults`.
    webhook_duplicates: Share = 0.0
    webhook_reordering: Share = 0.0
    webhook_reorder_max: Seconds = 1.0  # s, whatever the speed
    webhook_bad_signature: Share = 0.0
    webhook_stale_timestamp: Share = 0.0
    webhook_unknown_type: Share = 0.0
    webhook_large_body: Share = 0.0
