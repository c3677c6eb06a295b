"""StepBase: what is of this rotation, and what is another's."""

import pytest

from gateway.core.secret import Secret
from gateway.rotation.policy import State
from gateway.rotation.step_base import is_ours

STATE = State("id1", "canary", 0.0, 0.0, "old", "new")


@pytest.mark.parametrize(
    ("secret", "ours"),
    [
        pytest.param({}, False, id="nothing"),
        pytest.param({"next_client_rotation": "id1"}, False, id="no-credential"),
        pytest.param({"next_client_id": "new"}, False, id="by-hand"),
        pytest.param(
            {"next_client_id": "new", "next_client_rotation": "id0"}, False, id="other"
        ),
        pytest.param(
            {"next_client_id": "new", "next_client_rotation": "id1"}, True, id="ours"
        ),
    ],
)
def test_what_a_rotation_made_bears_its_name(
    secret: dict[str, str], *, ours: bool
) -> None:
    """Nothing else is adopted or taken away."""
    assert is_ours({k: Secret(v) for k, v in secret.items()}, STATE) is ours
