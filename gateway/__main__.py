"""What runs when somebody types `dinie-gateway`?"""

from gateway.cli import cli


def main() -> None:
    """Run the command line."""
    cli(prog_name="dinie-gateway")


if __name__ == "__main__":
    main()
