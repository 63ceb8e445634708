"""What goes to the terminal: lines on stdout, complaints on stderr, colour where somebody sees it."""

import io
import logging
import os
import shutil
from typing import Final, TextIO

_RESET: Final = "\x1b[0m"
WIDTH_OF_A_FILE: Final = 160


class Terminal:
    """Two streams. A reader that has gone away silences them: a closed pipe must not end a connection."""

    def __init__(self, out: TextIO, err: TextIO) -> None:
        self._out = out
        self._err = err
        self._gone = False
        for stream in (out, err):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")  # a terminal may know fewer letters than a peer
        self.interactive = out.isatty()
        self.colourful = self.interactive and "NO_COLOR" not in os.environ
        self.width = shutil.get_terminal_size().columns if self.interactive else WIDTH_OF_A_FILE

    def say(self, line: str = "") -> None:
        """A line of output."""
        if self._gone:
            return
        try:
            print(line, file=self._out, flush=True)
        except OSError:
            self._gone = True
            _silence(self._out)

    def complain(self, line: str) -> None:
        """A line about what is wrong."""
        print(f"ocpp-trio: {line}", file=self._err, flush=True)

    def paint(self, text: str, colour: int) -> str:
        """The text in a colour of the terminal's palette (the number of its escape code), if it has one."""
        return f"\x1b[{colour}m{text}{_RESET}" if self.colourful else text

    def show_logs(self, *, verbose: bool) -> None:
        """Send the library's log lines to stderr."""
        logging.basicConfig(
            stream=self._err,
            level=logging.DEBUG if verbose else logging.WARNING,
            format="%(levelname)-7s %(name)s: %(message)s",
            force=True,
        )
        if not verbose:  # the timeline tells the same already
            logging.getLogger("ocpp_trio.charge_point").setLevel(logging.ERROR)
            logging.getLogger("coredis").setLevel(logging.CRITICAL)  # the bus tells of an outage itself, once


def _silence(stream: TextIO) -> None:
    """Keep the interpreter from writing to the broken pipe once more when it exits."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, stream.fileno())
    os.close(nothing)
