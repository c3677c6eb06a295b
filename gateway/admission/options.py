"""Settings of admission: sizes, denied routes and places."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge

from gateway.core.dinie_routes import CREDENTIALS_PATH, UPLOAD_ROUTES


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionOptions:
    """Caps and denied routes."""

    max_body: Annotated[int, Ge(0)] = 1024 * 1024  # bytes
    max_upload: Annotated[int, Ge(0)] = 25 * 1024 * 1024  # bytes, on upload_routes
    upload_routes: tuple[str, ...] = tuple(
        route.replace("{id}", "*") for route in UPLOAD_ROUTES
    )
    max_in_flight: Annotated[int, Ge(1)] = 64  # attempts with Dinie at once
    max_queue: Annotated[int, Ge(0)] = 256  # requests waiting for a slot
    adaptive: bool = False  # fewer than max_in_flight while Dinie gets slow
    deny: tuple[str, ...] = (CREDENTIALS_PATH,)  # and everything below
