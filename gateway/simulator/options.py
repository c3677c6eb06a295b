"""How does the simulated Dinie behave?"""

from dataclasses import dataclass
from typing import Literal


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
