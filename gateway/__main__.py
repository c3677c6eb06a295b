"""Runs the command line of `dinie-gateway`."""

import sys

from gateway.core import early_signals, early_streams

early_streams.open_closed()  # before anything else opens a file
_SERVING = early_signals.prepare(sys.argv[1:])  # before the imports, which take long

import click  # noqa: E402

from gateway.cli import cli  # noqa: E402
from gateway.cli.termination import end_on_sigterm  # noqa: E402

_INTERRUPTED = 130  # 128 and the number of SIGINT


def main() -> None:
    """Run the command line; 130 after SIGINT, 143 after SIGTERM."""
    if not _SERVING:
        end_on_sigterm()
    try:
        code = cli.main(prog_name="dinie-gateway", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        sys.exit(_INTERRUPTED)
    except BrokenPipeError:
        # The reader of the output has gone; without streams, exit writes nothing.
        sys.stdout = sys.stderr = None
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
