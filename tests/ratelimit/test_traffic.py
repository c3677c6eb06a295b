"""Traffic: round trips and what others use."""

from gateway.ratelimit.traffic import Traffic


def test_round_trips_settle_above_nearly_all_answers() -> None:
    """The estimate holds back room for others while answers are on their way."""
    traffic = Traffic()

    for index in range(200):
        traffic.timed(0.1 if index % 2 else 0.3)

    assert 0.3 < traffic.round_trip < 0.5


def test_what_the_window_lacks_and_we_did_not_take_is_foreign() -> None:
    """Somebody bypasses the gateway, and an operator wants to know."""
    traffic = Traffic()
    traffic.opened(100.0)

    traffic.counted(10, 1, 3)
    traffic.counted(30, 1, 2)

    assert traffic.foreign == 26


def test_use_from_before_we_came_is_nobodys() -> None:
    """A restart in the middle of a window must not look like an intruder."""
    traffic = Traffic()
    traffic.opened(100.0, before=60)

    traffic.counted(61, 1, 0)

    assert traffic.foreign == 0


def test_headroom_is_what_others_take_during_a_round_trip() -> None:
    """Their requests are not in any answer of ours yet."""
    traffic = Traffic()
    for _ in range(100):
        traffic.timed(0.5)
    traffic.opened(100.0)
    traffic.counted(41, 1, 0)

    assert traffic.headroom(110.0) == 3  # 4 a second for a good half second
    assert Traffic().headroom(110.0) == 0


def test_a_new_window_expects_what_the_last_one_saw() -> None:
    """Others do not stop because a window did."""
    traffic = Traffic()
    traffic.opened(100.0)
    traffic.counted(101, 1, 0)

    traffic.opened(110.0)

    assert traffic.headroom(110.1) >= 2
