"""The stack, broken on purpose in one place at a time: what the simulation must catch, or its checks are worth nothing.

Each mutant is a mistake that somebody could make. Nothing but the simulation's own tests may use them.
"""

import itertools
import math
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from typing import Any

import attrs
import trio

from ocpp_trio import CallTimeout, ChargePoint, ConnectionClosed, CsmsServer, Link, Match, Session
from ocpp_trio.csms import registry
from ocpp_trio.link.caller import Caller
from ocpp_trio.link.connection import Connection
from ocpp_trio.link.dispatcher import Dispatcher
from ocpp_trio.wire.correlation import CallState, CorrelationTable, Happening
from ocpp_trio.wire.frames import dump_result
from tests.simulation.scenarios import HUNT
from tests.simulation.world import Scenario

Mutant = Callable[[], AbstractContextManager[None]]


@attrs.frozen
class Catch:
    """A mutant, and the rule by which it is expected to be caught."""

    mutant: Mutant
    rule: str
    """Several of them are separated by a bar."""
    world: Scenario = HUNT


@contextmanager
def _swapped(owner: Any, name: str, make: Callable[[Any], Any]) -> Iterator[None]:
    """Put what `make` makes of an attribute in its place."""
    original = owner.__dict__[name]
    setattr(owner, name, make(original))
    try:
        yield
    finally:
        setattr(owner, name, original)


def _after(extra: Callable[[Any], None]) -> Callable[[Any], Any]:
    """A constructor that does something more."""

    def make(original: Any) -> Any:
        def construct(self: Any, *args: Any, **kwargs: Any) -> None:
            original(self, *args, **kwargs)
            extra(self)

        return construct

    return make


def no_call_slot() -> AbstractContextManager[None]:
    return _swapped(Caller, "__init__", _after(lambda caller: setattr(caller, "_slot", trio.Semaphore(1000))))


def cancelled_call_frees_its_slot_at_once() -> AbstractContextManager[None]:
    async def keep_slot(self: Any, waiting: Any) -> None:
        self._slot.release()
        with self.deadlines, trio.move_on_at(waiting.since + self._settings.limits.call_timeout):
            await waiting.woken.wait()
        if waiting.call.state is CallState.CANCELLED:
            self._settle(waiting, Happening.TIME_IS_UP)

    return _swapped(Caller, "_keep_slot", lambda original: keep_slot)


def pending_calls_survive_the_connection() -> AbstractContextManager[None]:
    return _swapped(Caller, "lose_all", lambda original: lambda self: None)


def timeout_is_looked_at_before_the_answer() -> AbstractContextManager[None]:
    def make(original: Any) -> Any:
        def conclude(self: Any, waiting: Any) -> Any:
            if trio.current_time() - waiting.since < self._settings.limits.call_timeout:
                return original(self, waiting)
            self._report(waiting, "timeout", "local")
            if waiting.call.state is CallState.WAITING:
                self._settle(waiting, Happening.TIME_IS_UP)
            raise CallTimeout("too late")

        return conclude

    return _swapped(Caller, "_conclude", make)


def ids_begin_anew_with_every_connection() -> AbstractContextManager[None]:
    def renew(caller: Any) -> None:
        numbers = itertools.count(1)
        caller._settings = attrs.evolve(caller._settings, new_message_id=lambda: f"id-{next(numbers)}")

    return _swapped(Caller, "__init__", _after(renew))


def timed_out_calls_stay_in_the_table() -> AbstractContextManager[None]:
    def make(original: Any) -> Any:
        def happen(self: Any, call: Any, happening: Happening) -> None:
            original(self, call, happening)
            if call.state is CallState.TIMED_OUT:
                self._pending[call.message_id] = call

        return happen

    return _swapped(CorrelationTable, "happen", make)


def unknown_answers_are_taken_for_the_next_call() -> AbstractContextManager[None]:
    def make(original: Any) -> Any:
        def match(self: Any, reply: Any) -> Any:
            found, call = original(self, reply)
            if found is Match.MATCHED or call is not None or not self._pending:
                return found, call
            call = next(iter(self._pending.values()))
            call.reply = reply
            self.happen(call, Happening.REPLY)
            return Match.MATCHED, call

        return match

    def wake(original: Any) -> Any:
        def wake_all(self: Any, message_id: str) -> None:
            for waiting in list(self._waiting.values()):
                if waiting.call.state is not CallState.WAITING:
                    self._waiting.pop(waiting.call.message_id).woken.set()

        return wake_all

    return _both(_swapped(CorrelationTable, "match", make), _swapped(Caller, "wake", wake))


@contextmanager
def _both(one: AbstractContextManager[None], other: AbstractContextManager[None]) -> Iterator[None]:
    with one, other:
        yield


def every_answer_is_sent_twice() -> AbstractContextManager[None]:
    def make(original: Any) -> Any:
        async def answer(self: Any, job: Any) -> Any:
            answered = await original(self, job)
            if answered is not None:
                await self._connection.send(dump_result(job.call.message_id, answered.payload))
            return answered

        return answer

    return _swapped(Dispatcher, "_answer", make)


def call_is_sent_again_after_a_loss() -> AbstractContextManager[None]:
    def make(original: Any) -> Any:
        async def call(self: Any, request: Any) -> Any:
            try:
                return await original(self, request)
            except ConnectionClosed as exc:
                if not exc.was_sent:
                    raise
            await self.wait_online()
            return await original(self, request)

        return call

    return _swapped(ChargePoint, "call", make)


def half_open_links_are_never_noticed() -> AbstractContextManager[None]:
    async def keep_alive(self: Any) -> None:
        await trio.sleep_forever()

    return _swapped(Connection, "keep_alive", lambda original: keep_alive)


def exceptions_of_the_library_leak() -> AbstractContextManager[None]:
    return _swapped(
        Connection, "_closed_error", lambda original: lambda self: trio.BrokenResourceError("writer is gone")
    )


def station_gives_up_after_some_attempts() -> AbstractContextManager[None]:
    def make(original: Any) -> Any:
        def back_off(self: Any, *args: Any) -> None:
            original(self, *args)
            if self.attempt > 4:
                self._reconnect_at = math.inf

        return back_off

    return _swapped(ChargePoint, "_back_off", make)


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

    return _swapped(registry.Registry, "take_place", lambda original: take_place)


def drain_waits_for_the_peers_to_leave() -> AbstractContextManager[None]:
    def make(original: Any) -> Any:
        async def drain(self: Any, seconds: float) -> None:
            self._accepting.cancel()
            for session in list(self.sessions.values()):
                await session.wait_closed()
            await original(self, seconds)

        return drain

    return _swapped(CsmsServer, "drain", make)


def connection_leaves_a_task_behind() -> AbstractContextManager[None]:
    return _swapped(Connection, "__init__", _after(lambda connection: _spawn_forever()))


def _spawn_forever() -> None:
    trio.lowlevel.spawn_system_task(trio.sleep_forever)


def reader_dies_of_a_late_answer() -> AbstractContextManager[None]:
    def make(original: Any) -> Any:
        def take_reply(self: Any, reply: Any, text: str) -> None:
            late = reply.message_id in self._caller._table._settled
            original(self, reply, text)
            if late:
                raise KeyError(reply.message_id)

        return take_reply

    return _swapped(Session, "_take_reply", make)


FAST = {
    "no call slot": Catch(no_call_slot, "TWO_CALLS_OUT"),
    "a cancelled call frees its slot at once": Catch(cancelled_call_frees_its_slot_at_once, "TWO_CALLS_OUT"),
    "every answer is sent twice": Catch(every_answer_is_sent_twice, "TWO_ANSWERS"),
    "ids begin anew with every connection": Catch(ids_begin_anew_with_every_connection, "ID_USED_AGAIN"),
    "the older session stays beside the newer": Catch(older_session_stays_beside_the_newer, "TWO_LIVE_SESSIONS"),
    "pending calls survive the connection": Catch(
        pending_calls_survive_the_connection, "PENDING_AFTER_CLOSE|UNDOCUMENTED"
    ),
    "a connection leaves a task behind": Catch(connection_leaves_a_task_behind, "TASKS_LEFT|TASKS_UNBOUNDED"),
}
"""Caught within a seed or two of an hour."""

SLOW = {
    "timed out calls stay in the table": Catch(timed_out_calls_stay_in_the_table, ""),
    "the timeout is looked at before the answer": Catch(timeout_is_looked_at_before_the_answer, "RESULT_LOST"),
    "unknown answers are taken for the next call": Catch(
        unknown_answers_are_taken_for_the_next_call, "RESULT_INVENTED"
    ),
    "a call is sent again after a loss": Catch(call_is_sent_again_after_a_loss, "SEEN_TWICE_OR_OUT_OF_ORDER"),
    "half-open links are never noticed": Catch(half_open_links_are_never_noticed, "OFFLINE_AT_END"),
    "exceptions of the library leak": Catch(exceptions_of_the_library_leak, "UNDOCUMENTED_OUTCOME"),
    "a station gives up after some attempts": Catch(station_gives_up_after_some_attempts, "OFFLINE_AT_END"),
    "a drain waits for the peers to leave": Catch(drain_waits_for_the_peers_to_leave, "SLOW_DRAIN"),
    "the reader dies of a late answer": Catch(reader_dies_of_a_late_answer, ""),
}
"""Caught in the long run."""
