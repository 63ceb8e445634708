"""The command line: `ocpp-trio csms | station | password | certs | demo`. Needs the extra `cli`."""

from ocpp_trio.cli.entry import main as main
