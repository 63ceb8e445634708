"""The command line: `ocpp-trio csms | station | demo`. Needs the extra `cli`."""

from ocpp_trio.cli.entry import main as main
