"""Every kind of fault of the network does what it says, to the host it names and to no other."""

from contextlib import suppress

import pytest
import trio
import trio.testing

from ocpp_trio.testing import Conditions, Fault, MemoryNetwork, NetworkStrikes, play
from ocpp_trio.testing.strikes import NETWORK_FAULTS, WITHOUT_CORRUPTION


class Ground:
    """Two stations' connections to one server."""

    async def open(self):
        self.network = MemoryNetwork()
        (self.listener,) = await self.network.host("csms").listen(9000)
        self.one, self.one_server = await self.connect("CP-1")
        self.two, self.two_server = await self.connect("CP-2")
        return self

    async def connect(self, name):
        client = await self.network.host(name).dial("csms", 9000)
        return client, await self.listener.accept()

    async def strike(self, kind, *, host="CP-1", seconds=0.0, amount=0.0):
        """Let it begin; what is to be undone is undone later, when nobody looks."""
        return NetworkStrikes(self.network).table[kind](
            Fault(at=0, kind=kind, host=host, seconds=seconds, amount=amount)
        )


async def _read(stream, seconds=0.5):
    """What comes within some time, or how it ended."""
    try:
        with trio.move_on_after(seconds):
            return await stream.receive_some()
    except trio.BrokenResourceError:
        return "reset"
    return "silence"


async def _exchange(client, server):
    await client.send_all(b"up" * 20)
    await server.send_all(b"down" * 20)
    return [await _read(server), await _read(client)]


WHOLE = [b"up" * 20, b"down" * 20]


@pytest.mark.parametrize(
    ("kind", "amount", "expected"),
    [
        ("latency", 2.0, ["silence", "silence"]),
        ("bandwidth", 20, ["silence", "silence"]),
        ("partial writes", 50, [WHOLE[0], WHOLE[1][:50]]),
        ("partial reads", 7, [WHOLE[0][:7], WHOLE[1][:7]]),
        ("stall of the client", 0, [WHOLE[0], "silence"]),
        ("stall of the server", 0, ["silence", WHOLE[1]]),
        ("stall of both", 0, ["silence", "silence"]),
        ("cut", 0, ["silence", "silence"]),
        ("cut upwards", 0, ["silence", WHOLE[1]]),
        ("cut downwards", 0, [WHOLE[0], "silence"]),
        ("flipped byte upwards", 1, [b"u\x25" + WHOLE[0][2:], WHOLE[1]]),
        ("flipped byte downwards", 0, [WHOLE[0], b"1" + WHOLE[1][1:]]),
        ("partition", 0, ["silence", "silence"]),
    ],
)
async def test_strike_changes_what_arrives_at_its_host_only(autojump_clock, kind, amount, expected):
    ground = await Ground().open()

    async with trio.open_nursery() as nursery:
        await ground.strike(kind, amount=amount)
        nursery.start_soon(ground.one.send_all, b"up" * 20)
        nursery.start_soon(ground.one_server.send_all, b"down" * 20)
        await trio.testing.wait_all_tasks_blocked()
        seen = [await _read(ground.one_server), await _read(ground.one)]
        untouched = await _exchange(ground.two, ground.two_server)
        nursery.cancel_scope.cancel()

    assert seen == expected
    assert untouched == WHOLE


@pytest.mark.parametrize(
    ("kind", "up", "down"),
    [
        ("reset", "reset", "reset"),
        ("close in a frame upwards", b"upu", b""),
        ("close in a frame downwards", b"", b"dow"),
        ("reset in a frame", "reset", "reset"),
    ],
)
async def test_strike_ends_the_connection_of_its_host_only(autojump_clock, kind, up, down):
    ground = await Ground().open()

    await ground.strike(kind, amount=3)
    downwards = kind.endswith("downwards")
    with suppress(trio.BrokenResourceError):
        await (ground.one_server if downwards else ground.one).send_all(b"down" * 20 if downwards else b"up" * 20)
    seen = [await _read(ground.one_server), await _read(ground.one)]

    assert seen == [up, down]
    assert await _exchange(ground.two, ground.two_server) == WHOLE


@pytest.mark.parametrize("kind", ["latency", "jitter", "bandwidth", "slow reader", "partial writes", "partial reads"])
async def test_conditions_end_with_the_fault_also_for_later_connections(autojump_clock, kind):
    ground = await Ground().open()

    undo = await ground.strike(kind, amount=10)
    during = ground.network.host("CP-1").conditions
    undo()

    assert during not in (None, Conditions())
    assert ground.network.host("CP-1").conditions is None
    assert await _exchange(ground.one, ground.one_server) == WHOLE


@pytest.mark.parametrize("kind", ["stall of the client", "stall of the server", "stall of both", "partition"])
async def test_what_was_held_back_arrives_when_the_fault_is_over(autojump_clock, kind):
    ground = await Ground().open()

    undo = await ground.strike(kind)
    await ground.one.send_all(b"late")
    await ground.one_server.send_all(b"late too")
    undo()

    assert [await _read(ground.one_server), await _read(ground.one)] == [b"late", b"late too"]


@pytest.mark.parametrize("host", ["CP-1", ""])
async def test_refusal_ends_with_the_fault(autojump_clock, host):
    ground = await Ground().open()

    undo = await ground.strike("refuse", host=host)
    with pytest.raises(ConnectionRefusedError):
        await ground.connect("CP-1")
    undo()

    assert await ground.connect("CP-1")


async def test_silent_accept_ends_with_the_fault(autojump_clock):
    ground = await Ground().open()

    undo = await ground.strike("silent accept")
    with trio.move_on_after(1) as silence:
        await ground.connect("CP-1")
    undo()

    assert silence.cancelled_caught
    assert await ground.connect("CP-1")


@pytest.mark.parametrize(("kind", "host"), [("latency", ""), ("stall of both", ""), ("partition", "")])
async def test_fault_without_a_host_hits_all(autojump_clock, kind, host):
    ground = await Ground().open()

    await ground.strike(kind, host=host, amount=5.0)

    assert await _exchange(ground.one, ground.one_server) == ["silence"] * 2
    assert await _exchange(ground.two, ground.two_server) == ["silence"] * 2


async def test_cpu_stall_passes_time_at_once(autojump_clock):
    ground = await Ground().open()

    await ground.strike("cpu stall", amount=12)

    assert trio.current_time() == 12


async def test_cpu_stall_waits_for_the_next_write_of_its_host(autojump_clock):
    ground = await Ground().open()

    await ground.strike("cpu stall at a write", amount=12)
    await ground.two.send_all(b"another's")
    before = trio.current_time()
    await ground.one_server.send_all(b"to this one")
    after = trio.current_time()
    await ground.one.send_all(b"once is enough")

    assert (before, after, trio.current_time()) == (0, 12, 12)


async def test_there_is_a_strike_for_every_kind_and_all_can_be_played(autojump_clock):
    ground = await Ground().open()
    strikes = NetworkStrikes(ground.network).table

    await play([Fault(at=1, kind=kind, host="CP-1", seconds=1, amount=1) for kind in NETWORK_FAULTS], strikes)

    assert set(strikes) == set(NETWORK_FAULTS)
    assert len(NETWORK_FAULTS) >= 20
    assert set(NETWORK_FAULTS) - set(WITHOUT_CORRUPTION) == {"flipped byte upwards", "flipped byte downwards"}
    assert await _exchange(ground.two, ground.two_server) == WHOLE


async def test_calm_ends_every_fault_also_those_that_still_wait(autojump_clock):
    ground = await Ground().open()
    strikes = NetworkStrikes(ground.network)
    for kind in ("latency", "stall of both", "partition", "refuse", "silent accept"):
        strikes.table[kind](Fault(at=0, kind=kind, host="CP-1", seconds=100, amount=5))
    for kind in ("close in a frame upwards", "flipped byte downwards", "reset in a frame", "cpu stall at a write"):
        strikes.table[kind](Fault(at=0, kind=kind, host="CP-1", amount=3))
    strikes.table["refuse"](Fault(at=0, kind="refuse", seconds=100))

    strikes.calm()

    assert await _exchange(ground.one, ground.one_server) == WHOLE
    assert await _exchange(*await ground.connect("CP-1")) == WHOLE
    assert trio.current_time() == 0


async def test_calm_does_not_mend_what_was_cut(autojump_clock):
    ground = await Ground().open()
    strikes = NetworkStrikes(ground.network)
    strikes.table["cut"](Fault(at=0, kind="cut", host="CP-1"))

    strikes.calm()

    assert await _exchange(ground.one, ground.one_server) == ["silence", "silence"]
