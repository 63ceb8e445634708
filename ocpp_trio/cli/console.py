"""The timeline of the demo: one line per event, in columns, short enough for the terminal."""

import json
from typing import Any, Final

from ocpp_trio import Call, CallError, Frame, Link
from ocpp_trio.cli.terminal import Terminal
from ocpp_trio.observe import Entry, Timeline
from ocpp_trio.observe.plain import SHOWN

_COLOURS: Final = {"CP-1": 36, "CP-2": 33, "CP-3": 35}
_RED, _BOLD = 31, 1
_SIDES: Final = {"charge_point": "station", "csms": "csms"}
_TIMES: Final = frozenset({"timestamp", "currentTime"})
_COLUMNS: Final = "{at:7.2f}  {identity:<5} {side:<8} {what}"


class Console(Timeline):
    """Writes to a terminal. With `frames` switched off it tells of connections only."""

    def __init__(self, terminal: Terminal, *, start: float, frames: bool = True) -> None:
        super().__init__(terminal.say, start=start)
        self._terminal = terminal
        self._from = start
        self._frames = frames

    def line(self, entry: Entry) -> str:
        """An entry in its colour, cut to the width of the terminal."""
        at, side = entry.at - self._from, _SIDES.get(entry.role, entry.role)
        plain = _COLUMNS.format(at=at, identity=entry.identity, side=side, what=entry.what)
        if len(plain) > self._terminal.width:
            plain = plain[: self._terminal.width - 3] + "..."
        colour = _RED if " error " in entry.what else _BOLD if entry.role == "demo" else _COLOURS.get(entry.identity, 0)
        return self._terminal.paint(plain, colour)

    def frame_sent(self, link: Link, frame: Frame, *, action: str, text: str) -> None:
        self._note(link, "->", frame, action)

    def frame_received(self, link: Link, frame: Frame, *, action: str | None, text: str) -> None:
        self._note(link, "<-", frame, action)

    def _note(self, link: Link, arrow: str, frame: Frame, action: str | None) -> None:
        if self._frames:
            kind, content = _described(frame)
            self.note(
                link.identity, link.role, f"{arrow} {kind:<6} {frame.message_id:<8} {action or '?':<22} {content}"
            )


def _described(frame: Frame) -> tuple[str, str]:
    if isinstance(frame, CallError):
        return "error", f"{frame.code}: {frame.description}"
    return "call" if isinstance(frame, Call) else "result", _shortened(frame.payload)


def _shortened(payload: bytes) -> str:
    """The members of a payload as `name value`, without quotes and without times: the line has its own.

    The payload is any JSON a peer can think of: what cannot be shown like this is shown as it came.
    """
    try:
        members = json.loads(payload)
        if isinstance(members, dict):
            shown = ", ".join(f"{name} {_value(name, value)}" for name, value in members.items() if name not in _TIMES)
            return ascii(shown[:SHOWN])[1:-1]
    except (ValueError, RecursionError):  # a number of thousands of digits, brackets a thousand deep
        pass
    return ascii(payload[:SHOWN].decode(errors="replace"))[1:-1]


def _value(name: str, value: Any) -> str:  # noqa: ANN401  # JSON
    match value:
        case str():
            return value
        case [*_, {"sampledValue": [*samples]}] if name == "meterValue" and all(isinstance(s, dict) for s in samples):
            return " ".join(f"{sampled.get('value', '')} {sampled.get('unit', '')}" for sampled in samples)
        case _:
            return json.dumps(value, separators=(",", ":")).replace('"', "")
