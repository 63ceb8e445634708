"""What the trap does not let pass."""

import base64
import logging

import pytest

from tests.fuzz.cases import SECRET
from tests.fuzz.trap import trapped

logger = logging.getLogger("ocpp_trio.anything")


@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        SECRET.upper(),
        SECRET.encode().hex(),
        SECRET.encode().hex().upper(),
        base64.b64encode(f"CP-1:{SECRET}".encode()).decode(),
        repr({"authorization": SECRET.encode()}),
    ],
)
@pytest.mark.parametrize("field", [False, True])
def test_a_secret_is_noticed_in_every_spelling(text: str, field: bool) -> None:
    with trapped() as trap:
        logger.debug("found %s", "x" if field else text, extra={"outcome": text if field else None})

    assert [wrong.partition(":")[0] for wrong in trap.wrong] == ["a secret was logged"]


@pytest.mark.parametrize("text", ["\n", "\x1b[2J", "\x00", "\x7f", "\u202e", "\u2028", "\x85"])
def test_a_raw_control_character_is_noticed(text: str) -> None:
    with trapped() as trap:
        logging.getLogger("anybody.else").debug("found %s", text)

    assert [wrong.partition(":")[0] for wrong in trap.wrong] == ["a raw control character was logged"]


def test_an_error_is_noticed_and_so_is_what_it_says() -> None:
    with trapped() as trap:
        try:
            raise ValueError(SECRET)
        except ValueError:
            logger.exception("failed")

    assert [wrong.partition(":")[0] for wrong in trap.wrong] == ["an error was logged", "a secret was logged"]


def test_a_plain_line_passes_and_loggers_are_left_as_they_were() -> None:
    root = logging.getLogger()
    before = list(root.handlers), root.level

    with trapped() as trap:
        logger.debug("an ordinary line, é and 站 included")

    assert (trap.lines, trap.wrong) == (1, [])
    assert (root.handlers, root.level) == before
    assert logging.getLogger("ocpp_trio").propagate
