"""The way in from the shell: arguments in, exit code out, and never a traceback for a wrong argument.

Must work without cyclopts, if only to say that it is missing.
"""

import sys
from collections.abc import Sequence

from ocpp_trio.cli.exit_codes import INTERRUPTED, USAGE


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; its exit code."""
    try:
        import cyclopts

        from ocpp_trio.cli.app import app
    except ModuleNotFoundError as missing:
        if missing.name != "cyclopts":
            raise
        print("ocpp-trio: the command line needs cyclopts: pip install 'ocpp-trio[cli]'", file=sys.stderr)
        return USAGE
    code = INTERRUPTED
    try:
        try:
            # A command returns its code; help and version return nothing.
            code = app(sys.argv[1:] if arguments is None else arguments) or 0
        except cyclopts.CycloptsError as wrong:
            print(f"ocpp-trio: {wrong}", file=sys.stderr)
            code = USAGE
    except* KeyboardInterrupt:
        pass  # before or after the command itself listened for signals
    return code
