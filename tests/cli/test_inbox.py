"""The commands of `dinie-gateway inbox` that only read."""

from collections.abc import Callable

from click.testing import Result

Command = Callable[..., Result]


def test_a_list_shows_what_came_and_how_it_stands(command: Command) -> None:
    """Newest first, one line each."""
    done = command("list")

    lines = done.stdout.splitlines()
    assert done.exit_code == 0
    assert lines[0].endswith("evt_2  loan.active  crm dead (10)")
    assert lines[1].endswith("evt_1  customer.active  crm delivered (10)")
    assert command("list", "--state", "pending").stdout == ""
    assert len(command("list", "--type", "loan.active").stdout.splitlines()) == 1


def test_personal_data_is_shown_to_who_asks_for_it(command: Command) -> None:
    """And only then."""
    plain, revealed = command("show", "evt_1"), command("show", "evt_1", "--reveal")

    assert '"name": "[redacted]"' in plain.stdout
    assert "Ana" not in plain.stdout
    assert "Ana Lima" in revealed.stdout
    assert command("show", "evt_9").exit_code == 1


def test_how_full_it_is(command: Command) -> None:
    """The first look at three in the morning."""
    assert command("stats").stdout.splitlines() == [
        "events      2",
        "pending     0",
        "delivering  0",
        "dead        1",
        "oldest      -",
        "disabled    -",
    ]
