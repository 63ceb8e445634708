"""Connections, stations and servers, broken on purpose: each a mistake that somebody could make."""

import math
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from typing import Any

import attrs
import trio

from ocpp_trio import ChargePoint, CsmsServer, FrameError, Link, Session
from ocpp_trio.charge_point import client
from ocpp_trio.csms import registry
from ocpp_trio.link import handshake, transport
from ocpp_trio.link.connection import Connection
from ocpp_trio.link.sockets import peer_address
from tests.simulation.swapping import after, both, swapped


def half_open_links_are_never_noticed() -> AbstractContextManager[None]:
    async def keep_alive(self: Any) -> None:
        await trio.sleep_forever()

    return swapped(Connection, "keep_alive", lambda original: keep_alive)


def exceptions_of_the_library_leak() -> AbstractContextManager[None]:
    return swapped(
        Connection, "_closed_error", lambda original: lambda self: trio.BrokenResourceError("writer is gone")
    )


def station_gives_up_after_some_attempts() -> AbstractContextManager[None]:
    def make(original: Any) -> Any:
        def back_off(self: Any, *args: Any) -> None:
            original(self, *args)
            if self.attempt > 4:
                self._reconnect_at = math.inf

        return back_off

    return swapped(ChargePoint, "_back_off", make)


def older_session_stays_beside_the_newer() -> AbstractContextManager[None]:
    @asynccontextmanager
    async def take_place(self: Any, link: Link, *args: Any, **kwargs: Any) -> AsyncIterator[None]:
        place = self._holders[link.identity] = registry._Place()
        try:
            yield None
        finally:
            place.gone.set()
            if self._holders.get(link.identity) is place:
                del self._holders[link.identity]

    return swapped(registry.Registry, "take_place", lambda original: take_place)


def drain_waits_for_the_peers_to_leave() -> AbstractContextManager[None]:
    def make(original: Any) -> Any:
        async def drain(self: Any, seconds: float) -> None:
            self._accepting.cancel()
            for session in list(self.sessions.values()):
                await session.wait_closed()
            await original(self, seconds)

        return drain

    return swapped(CsmsServer, "drain", make)


def connection_leaves_a_task_behind() -> AbstractContextManager[None]:
    return swapped(Connection, "__init__", after(lambda connection: _spawn_forever()))


def _spawn_forever() -> None:
    trio.lowlevel.spawn_system_task(trio.sleep_forever)


def session_ends_take_the_newer_one_with_them() -> AbstractContextManager[None]:
    """A newcomer does not wait for the tasks of the old session, whose end frees the place whoever holds it."""

    def clear(original: Any) -> Any:
        async def clear_at_once(self: Any, newcomer: Any) -> None:
            holder = self._holders.get(newcomer.link.identity)
            if holder is not None:
                holder.supersede()
            await trio.lowlevel.checkpoint()

        return clear_at_once

    def take_place(original: Any) -> Any:
        @asynccontextmanager
        async def take(self: Any, link: Link, **kwargs: Any) -> AsyncIterator[Any]:
            try:
                async with original(self, link, **kwargs) as refusal:
                    yield refusal
            finally:
                self._holders.pop(link.identity, None)

        return take

    return both(swapped(registry.Registry, "_clear", clear), swapped(registry.Registry, "take_place", take_place))


def anybody_takes_the_place_of_a_living_session() -> AbstractContextManager[None]:
    async def ask(self: Any, holder: Any, link: Link) -> None:
        await trio.lowlevel.checkpoint()

    return swapped(registry.Registry, "_ask", lambda original: ask)


def upgrade_has_no_deadline() -> AbstractContextManager[None]:
    def wait(server: Any) -> None:
        limits = attrs.evolve(server._settings.limits, handshake_deadline=math.inf)
        server._settings = attrs.evolve(server._settings, limits=limits)

    return swapped(CsmsServer, "__init__", after(wait))


def retry_after_is_not_read() -> AbstractContextManager[None]:
    return swapped(handshake, "_retry_after", lambda original: lambda headers: None)


def denied_stations_come_back_at_once() -> AbstractContextManager[None]:
    def make(original: Any) -> Any:
        def back_off(self: Any, closed: Any, failure: Any) -> None:
            if failure is not None and failure.status in (401, 403):
                failure = None
            original(self, closed, failure)

        return back_off

    return swapped(ChargePoint, "_back_off", make)


def every_connection_begins_the_backoff_anew() -> AbstractContextManager[None]:
    def make(original: Any) -> Any:
        def back_off(self: Any, *args: Any) -> None:
            self._delays = self._policy.backoff.delays(self._rng)
            original(self, *args)

        return back_off

    return swapped(ChargePoint, "_back_off", make)


def streams_stay_open() -> AbstractContextManager[None]:
    def make(original: Any) -> Any:
        async def let_go(self: Any, stream: Any, limits: Any) -> None:
            closed = self._ended = self.closed or transport.GOING_AWAY
            with trio.move_on_after(limits.close_timeout, shield=True):
                with suppress(*transport._GONE):
                    await self._say_goodbye(stream, closed)
            self._reader.cancel()

        return let_go

    return swapped(transport.Transport, "let_go", make)


def bad_frame_ends_the_server() -> AbstractContextManager[None]:
    """What cannot be read is raised, and there is no barrier around a connection."""

    def take_bad_frame(self: Any, error: FrameError, text: str) -> None:
        raise error

    async def serve_stream(self: Any, stream: trio.abc.Stream) -> None:
        self._connections += 1
        link = Link(identity="", role="csms", number=self._connections, peer=peer_address(stream))
        await self._attend(stream, link)

    inner = swapped(Session, "_take_bad_frame", lambda original: take_bad_frame)
    return both(inner, swapped(CsmsServer, "_serve_stream", lambda original: serve_stream))


def close_waits_for_its_peer() -> AbstractContextManager[None]:
    def make(original: Any) -> Any:
        async def let_go(self: Any, stream: Any, limits: Any) -> None:
            await original(self, stream, attrs.evolve(limits, close_timeout=math.inf))

        return let_go

    return swapped(transport.Transport, "let_go", make)


def cancelled_heart_leaves_the_station_online() -> AbstractContextManager[None]:
    def make(original: Any) -> Any:
        def close(self: Any, closed: Any) -> None:
            if closed is not client._NO_HEART:
                original(self, closed)

        return close

    return swapped(Session, "close", make)


def station_boots_only_once() -> AbstractContextManager[None]:
    def be_registered(station: Any) -> None:
        station._policy = attrs.evolve(station._policy, boot_on_reconnect=False)

    return swapped(ChargePoint, "__init__", after(be_registered))
