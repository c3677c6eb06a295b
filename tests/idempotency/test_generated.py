"""generated: keys from pooled randomness."""

from gateway.idempotency.generated import KeyGenerator
from gateway.idempotency.policy import is_generated


def test_no_key_comes_twice_across_the_end_of_the_pool() -> None:
    """A key that came twice would be another loan's answer."""
    keys = KeyGenerator()

    made = [keys.new() for _ in range(600)]

    assert len(set(made)) == 600
    assert all(map(is_generated, made))
