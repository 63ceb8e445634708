"""Every line that anybody logs, looked at and forgotten: no secret, no raw control character, no error."""

import base64
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tests.fuzz.cases import SECRET

_PAIR: Final = f"CP-1:{SECRET}"
_STATION: Final = f"evil:{SECRET}"
_HEX_PAIR: Final = f"CP-1:{SECRET.encode().hex()}"
SPELLINGS: Final = (
    SECRET,
    SECRET.encode().hex(),
    *(base64.b64encode(text.encode()).decode().rstrip("=")[:-1] for text in (SECRET, _PAIR, _STATION, _HEX_PAIR)),
    base64.b64encode(SECRET.encode()).hex(),
)
_SHOWS_IT: Final = re.compile("|".join(map(re.escape, SPELLINGS)), re.IGNORECASE)
_FIELDS: Final = ("identity", "messageId", "action", "outcome", "origin")
_ENGINE: Final = "trio-websocket"
_LOGGERS: Final = ("", "ocpp_trio", _ENGINE, "trio")


class Trap(logging.Handler):
    """Collects what is wrong with the lines; `lines` counts them."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines = 0
        self.wrong: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines += 1
        text = record.getMessage()
        for field in _FIELDS:
            value = record.__dict__.get(field)
            if value is not None:
                text += f" {value}"
        if record.exc_info is not None and record.exc_info[1] is not None:
            text += f" {record.exc_info[1]!r}"
        if record.levelno >= logging.ERROR:
            self.wrong.append(f"an error was logged: {text!r}")
        if not text.isprintable():
            self.wrong.append(f"a raw control character was logged: {text!r}")
        if _SHOWS_IT.search(text) is not None:
            self.wrong.append(f"a secret was logged: {text!r}")


@contextmanager
def trapped(*, engine: bool = True) -> Iterator[Trap]:
    """Everything at DEBUG into a trap, and nowhere else: a test runner would keep it all.

    Without `engine` the WebSocket engine's lines are looked at from INFO on.
    """
    trap = Trap()
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [(logger, logger.handlers, logger.level, logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.handlers, logger.propagate = [trap], False
        logger.setLevel(logging.DEBUG if engine or logger.name != _ENGINE else logging.INFO)
    try:
        yield trap
    finally:
        for logger, handlers, level, propagate in before:
            logger.handlers, logger.propagate = handlers, propagate
            logger.setLevel(level)
