"""The state machine of a charge point's connection.

Owns the one transition table, the instants, and everybody who waits for a state. It does no I/O and
decides nothing: the client tells it what happened.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import trio

from ocpp_trio.errors import Closed, CloseReason, ConnectionClosed, LocalProtocolError
from ocpp_trio.link.instrument import Instrument
from ocpp_trio.link.lifecycle import ConnectionState, Transition

_S = ConnectionState
TRANSITIONS: Final[Mapping[ConnectionState, frozenset[ConnectionState]]] = {
    _S.DISCONNECTED: frozenset({_S.CONNECTING, _S.CLOSING}),
    _S.CONNECTING: frozenset({_S.BOOTING, _S.RESUMING, _S.BACKING_OFF, _S.CLOSING}),
    _S.BOOTING: frozenset({_S.RESUMING, _S.BACKING_OFF, _S.CLOSING}),
    _S.RESUMING: frozenset({_S.ONLINE, _S.BACKING_OFF, _S.CLOSING}),
    _S.ONLINE: frozenset({_S.BACKING_OFF, _S.CLOSING}),
    _S.BACKING_OFF: frozenset({_S.CONNECTING, _S.CLOSING}),
    _S.CLOSING: frozenset({_S.DISCONNECTED}),
}
LEAVING: Final = Closed(CloseReason.STOPPING, 1000, "")
"""How the last connection ends, and what everybody learns who waits for the next one."""
SUBSCRIPTION_SIZE: Final = 64
"""Transitions kept for a subscriber who does not read: several reconnects' worth. The oldest go first."""


class Lifecycle:
    """Where the connection is, how it came there, and who wants to know."""

    def __init__(self, identity: str, instrument: Instrument) -> None:
        self._identity = identity
        self._instrument = instrument
        self._online_or_leaving, self._offline = trio.Event(), trio.Event()
        self._offline.set()
        self._subscribers: dict[trio.MemorySendChannel[Transition], trio.MemoryReceiveChannel[Transition]] = {}
        self.state = ConnectionState.DISCONNECTED
        self.attempt = 0
        self.backoff: float | None = None
        self.closed: Closed | None = None
        self.online_since: float | None = None
        self.reconnects = 0
        self.reconnect_seconds: float | None = None
        self._lost_at: float | None = None
        self._leaving = False
        self._seconds_online = 0.0

    def seconds_online(self) -> float:
        """How long it was ONLINE so far, over all connections."""
        since = self.online_since
        return self._seconds_online + (0.0 if since is None else trio.current_time() - since)

    def to(self, state: ConnectionState, closed: Closed | None = None, *, backoff: float | None = None) -> None:
        """Move to a state and tell everybody. Raises LocalProtocolError where the table has no way."""
        if state not in TRANSITIONS[self.state]:
            raise LocalProtocolError(f"no way from {self.state.name} to {state.name}")
        transition = Transition(
            previous=self.state,
            state=state,
            at=trio.current_time(),
            attempt=self.attempt,
            closed=closed,
            backoff=backoff,
        )
        self.state, self.backoff = state, backoff
        self.closed = closed or self.closed
        self._switch(transition)
        self._instrument.state_changed(self._identity, transition)
        for send, receive in self._subscribers.items():
            _push(send, receive, transition)
            if self._over:
                send.close()

    @property
    def _over(self) -> bool:
        """Whether there is nothing left to happen."""
        return self._leaving and self.state is ConnectionState.DISCONNECTED

    def _switch(self, transition: Transition) -> None:
        if (transition.previous, transition.state) == (ConnectionState.BACKING_OFF, ConnectionState.CONNECTING):
            self.reconnects += 1
        if transition.state is ConnectionState.ONLINE:
            self._go_online(transition.at)
        elif transition.previous is ConnectionState.ONLINE:
            self._go_offline(transition.at)
        if transition.state is ConnectionState.CLOSING:
            self._leaving = True
            self._online_or_leaving.set()

    def _go_online(self, now: float) -> None:
        self.online_since = now
        if self._lost_at is not None:
            self.reconnect_seconds = now - self._lost_at
        self._offline = trio.Event()
        self._online_or_leaving.set()

    def _go_offline(self, now: float) -> None:
        self._seconds_online = self.seconds_online()
        self.online_since, self._lost_at = None, now
        self._online_or_leaving = trio.Event()
        self._offline.set()

    async def wait_online(self) -> None:
        """Wait for ONLINE; returns at once if it is there already. Raises ConnectionClosed from CLOSING on."""
        await self._online_or_leaving.wait()
        if self._leaving:
            raise ConnectionClosed(LEAVING)

    async def wait_offline(self) -> None:
        """Wait until it is not ONLINE; returns at once if it is not."""
        await self._offline.wait()

    @contextmanager
    def subscribe(self) -> Iterator[trio.MemoryReceiveChannel[Transition]]:
        """Every transition from now on to the last. A subscriber 64 behind loses the oldest; nobody waits for it."""
        send, receive = trio.open_memory_channel[Transition](SUBSCRIPTION_SIZE)
        self._subscribers[send] = receive
        if self._over:
            send.close()
        with send, receive:
            try:
                yield receive
            finally:
                del self._subscribers[send]


def _push(
    send: trio.MemorySendChannel[Transition], receive: trio.MemoryReceiveChannel[Transition], transition: Transition
) -> None:
    try:
        if send.statistics().current_buffer_used == SUBSCRIPTION_SIZE:
            receive.receive_nowait()
        send.send_nowait(transition)
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        pass  # a subscriber who closed its end has read enough
