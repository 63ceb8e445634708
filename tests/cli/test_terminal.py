"""Output that survives its reader, and colour only where somebody sees it."""

import io
import logging
import os

import pytest

from ocpp_trio.cli.terminal import WIDTH_OF_A_FILE, Terminal


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_file_gets_no_colour_and_room(monkeypatch):
    terminal = Terminal(io.StringIO(), io.StringIO())

    assert (terminal.paint("x", 31), terminal.width) == ("x", WIDTH_OF_A_FILE)


def test_a_terminal_gets_colour_and_its_own_width(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("COLUMNS", "77")
    terminal = Terminal(Tty(), io.StringIO())

    assert (terminal.paint("x", 31), terminal.width) == ("\x1b[31mx\x1b[0m", 77)


def test_no_color_is_respected(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")

    assert Terminal(Tty(), io.StringIO()).paint("x", 31) == "x"


def test_lines_and_complaints_go_their_own_ways():
    out, err = io.StringIO(), io.StringIO()
    terminal = Terminal(out, err)
    terminal.say("hello")
    terminal.complain("wrong")

    assert (out.getvalue(), err.getvalue()) == ("hello\n", "ocpp-trio: wrong\n")


def test_a_letter_that_the_terminal_does_not_know_is_spelt():
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii")

    Terminal(out, io.StringIO()).say("a…")

    assert raw.getvalue() == b"a\\u2026\n"


def test_a_reader_that_goes_away_silences_the_rest():
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as out:
        terminal = Terminal(out, io.StringIO())
        os.close(reading)

        terminal.say("nobody reads this")
        terminal.say("nor this")


@pytest.mark.parametrize(("verbose", "level"), [(False, logging.WARNING), (True, logging.DEBUG)])
def test_logs_go_to_stderr(verbose, level):
    root = logging.getLogger()
    before, handlers = root.level, root.handlers[:]
    err = io.StringIO()
    try:
        Terminal(io.StringIO(), err).show_logs(verbose=verbose)
        logging.getLogger("somewhere").warning("careful")
        assert root.level == level
    finally:
        root.handlers[:] = handlers
        root.setLevel(before)

    assert err.getvalue() == "WARNING somewhere: careful\n"
