"""Calls, broken on purpose: each a mistake that somebody could make. Only for the simulation to catch."""

import itertools
import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, NoReturn

import attrs
import trio

from ocpp_trio import CallTimeout, ChargePoint, ConnectionClosed, Match, Session
from ocpp_trio.link.caller import Caller
from ocpp_trio.link.connection import Connection
from ocpp_trio.link.dispatcher import Dispatcher
from ocpp_trio.wire.correlation import CallState, CorrelationTable, Happening
from ocpp_trio.wire.frames import dump_result
from tests.simulation.swapping import after, both, swapped


def no_call_slot() -> AbstractContextManager[None]:
    return swapped(Caller, "__init__", after(lambda caller: setattr(caller, "_slot", trio.Semaphore(1000))))


def cancelled_call_frees_its_slot_at_once() -> AbstractContextManager[None]:
    async def keep_slot(self: Any, call: Any) -> None:
        self._slot.release()
        with trio.move_on_at(call.since + self._settings.limits.call_timeout):
            await call.settled.wait()
        if call.state is CallState.CANCELLED:
            self._table.happen(call, Happening.TIME_IS_UP)

    return swapped(Caller, "_keep_slot", lambda original: keep_slot)


def pending_calls_survive_the_connection() -> AbstractContextManager[None]:
    return swapped(Caller, "lose_all", lambda original: lambda self: None)


def timeout_is_looked_at_before_the_answer() -> AbstractContextManager[None]:
    def make(original: Any) -> Any:
        def conclude(self: Any, call: Any) -> Any:
            if trio.current_time() - call.since < self._settings.limits.call_timeout:
                return original(self, call)
            self._report(call, "timeout", "local")
            if call.state is CallState.WAITING:
                self._table.happen(call, Happening.TIME_IS_UP)
            raise CallTimeout("too late")

        return conclude

    return swapped(Caller, "_conclude", make)


def ids_begin_anew_with_every_connection() -> AbstractContextManager[None]:
    def renew(caller: Any) -> None:
        numbers = itertools.count(1)
        caller._settings = attrs.evolve(caller._settings, new_message_id=lambda: f"id-{next(numbers)}")

    return swapped(Caller, "__init__", after(renew))


def timed_out_calls_stay_in_the_table() -> AbstractContextManager[None]:
    def make(original: Any) -> Any:
        def happen(self: Any, call: Any, happening: Happening) -> None:
            original(self, call, happening)
            if call.state is CallState.TIMED_OUT:
                self._pending[call.message_id] = call

        return happen

    return swapped(CorrelationTable, "happen", make)


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

    return swapped(CorrelationTable, "match", make)


def every_answer_is_sent_twice() -> AbstractContextManager[None]:
    def make(original: Any) -> Any:
        async def answer(self: Any, job: Any) -> None:
            await original(self, job)
            if job.response is not None:
                await self._connection.send(dump_result(job.call.message_id, job.payload))

        return answer

    return swapped(Dispatcher, "_answer", make)


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

    return swapped(ChargePoint, "call", make)


def reader_dies_of_a_late_answer() -> AbstractContextManager[None]:
    def make(original: Any) -> Any:
        def take_reply(self: Any, reply: Any, text: str) -> None:
            late = reply.message_id in self._caller._table._settled
            original(self, reply, text)
            if late:
                raise KeyError(reply.message_id)

        return take_reply

    return swapped(Session, "_take_reply", make)


def call_takes_twice_its_timeout() -> AbstractContextManager[None]:
    def be_patient(caller: Any) -> None:
        limits = attrs.evolve(caller._settings.limits, call_timeout=2 * caller._settings.limits.call_timeout)
        caller._settings = attrs.evolve(caller._settings, limits=limits)

    return swapped(Caller, "__init__", after(be_patient))


def answers_are_not_counted(*kinds: Match) -> AbstractContextManager[None]:
    """Those that nobody waits for, of these kinds, are dropped without a word."""

    def make(original: Any) -> Any:
        def take_reply(self: Any, reply: Any, text: str) -> None:
            table = self._caller._table
            waited_for = reply.message_id in table._pending
            if waited_for or table.match(reply)[0] not in kinds:
                original(self, reply, text)
            else:
                self._tally.frame_received(reply, action=None, text=text)

        return take_reply

    return swapped(Session, "_take_reply", make)


def timeout_includes_the_wait_for_the_slot() -> AbstractContextManager[None]:
    def make(original: Any) -> Any:
        async def call(self: Any, request: Any) -> Any:
            with trio.move_on_after(self._settings.limits.call_timeout):
                return await original(self, request)
            raise CallTimeout("too late")

        return call

    return swapped(Caller, "call", make)


def callers_wait_in_a_stack() -> AbstractContextManager[None]:
    class Stack:
        """A semaphore of one, whose last waiter is the first to have it."""

        def __init__(self) -> None:
            self._free = True
            self._waiting: list[trio.Event] = []

        def acquire_nowait(self) -> None:
            if not self._free:
                raise trio.WouldBlock
            self._free = False

        async def acquire(self) -> None:
            mine = trio.Event()
            self._waiting.append(mine)
            try:
                await mine.wait()
            except trio.Cancelled:
                if mine.is_set():
                    self.release()
                else:
                    self._waiting.remove(mine)
                raise

        def release(self) -> None:
            if self._waiting:
                self._waiting.pop().set()
            else:
                self._free = True

    return swapped(Caller, "__init__", after(lambda caller: setattr(caller, "_slot", Stack())))


def lost_calls_are_told_of_twice() -> AbstractContextManager[None]:
    def make(original: Any) -> Any:
        def report(self: Any, call: Any, outcome: str, *args: Any) -> None:
            original(self, call, outcome, *args)
            if outcome == "closed":
                original(self, call, "timeout", *args)

        return report

    return swapped(Caller, "_report", make)


def reader_handles_calls_by_itself() -> AbstractContextManager[None]:
    """It reads on when the handler has answered: one that calls its peer waits for what nobody reads."""

    def accept(original: Any) -> Any:
        def queue(self: Any, call: Any, *args: Any) -> None:
            original(self, call, *args)
            if call.message_id in self._in_progress:
                self._connection.handled = trio.Event()

        return queue

    def handle(original: Any) -> Any:
        def end(self: Any, job: Any) -> None:
            original(self, job)
            self._connection.handled.set()

        return end

    async def forward(self: Any, taker: Callable[[str], None]) -> NoReturn:
        while True:
            taker(await self._transport.receive())
            if (handled := getattr(self, "handled", None)) is not None:
                await handled.wait()

    inner = both(swapped(Dispatcher, "accept", accept), swapped(Dispatcher, "_end", handle))
    return both(inner, swapped(Connection, "forward", lambda original: forward))


def inbox_has_no_end() -> AbstractContextManager[None]:
    def widen(dispatcher: Any) -> None:
        dispatcher._to_handlers, dispatcher._inbox = trio.open_memory_channel(math.inf)

    return swapped(Dispatcher, "__init__", after(widen))


def refusals_have_no_end() -> AbstractContextManager[None]:
    def widen(dispatcher: Any) -> None:
        limits = attrs.evolve(dispatcher._settings.limits, refusals=10_000)
        dispatcher._settings = attrs.evolve(dispatcher._settings, limits=limits)

    return swapped(Dispatcher, "__init__", after(widen))
