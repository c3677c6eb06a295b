"""Settings of admission: sizes, routes and places."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionOptions:
    """Caps and denied routes."""

    max_body: Annotated[int, Ge(0)] = 1024 * 1024  # bytes
    max_upload: Annotated[int, Ge(0)] = 25 * 1024 * 1024  # bytes, on upload_routes
    upload_routes: tuple[str, ...] = (
        "/customers/*/documents",
        "/customers/*/kyc-attachments",
        "/customers/*/kyc-attachments/selfie",
    )
    max_in_flight: Annotated[int, Ge(1)] = 64  # exchanges with Dinie at once
    max_queue: Annotated[int, Ge(0)] = 256  # exchanges waiting for a slot
    adaptive: bool = False  # fewer than max_in_flight while Dinie gets slow
    deny: tuple[str, ...] = ("/auth/credentials",)  # and everything below
