"""Letting sessions go: all at once or so many a second, each as soon as nothing of it is open any more.

Owns the order and the pace. Who is still let in meanwhile, and when patience ends, is the server's business.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import trio

from ocpp_trio.errors import Closed, CloseReason
from ocpp_trio.link.session import Session
from ocpp_trio.link.transport import GOING_AWAY

_FAREWELLS: Final[Mapping[int, Closed]] = {
    1001: GOING_AWAY,
    1012: Closed(CloseReason.STOPPING, 1012, "service restart"),
    1013: Closed(CloseReason.STOPPING, 1013, "try again later"),
}


def farewell(code: int) -> Closed:
    """What a leaving server says with a close code. Raises ValueError for one that means something else."""
    if code not in _FAREWELLS:
        raise ValueError(f"code: expected one of {', '.join(map(str, _FAREWELLS))}, found {code!r}")
    return _FAREWELLS[code]


async def let_go(sessions: Iterable[Session], closed: Closed, *, per_second: float) -> None:
    """Drain and close sessions, the first at once, and return when all are closed.

    Until its turn a session works as ever. Cancelling leaves those that are not closed yet, some of them draining.
    """
    begin = trio.current_time()
    async with trio.open_nursery() as nursery:
        for number, session in enumerate(sessions):
            nursery.start_soon(_let_one_go, session, closed, begin + number / per_second)


async def _let_one_go(session: Session, closed: Closed, turn: float) -> None:
    with trio.move_on_at(turn):
        await session.wait_closed()
    await session.drain()
    session.close(closed)
