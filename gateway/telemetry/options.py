"""Settings of logs and request history."""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Le


@dataclass(frozen=True, slots=True, kw_only=True)
class TelemetryOptions:
    """Settings of the log and of `/explain`."""

    log_format: Literal["json", "console"] = "json"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    explained: Annotated[int, Ge(0), Le(100_000)] = 2000  # requests kept for /explain
