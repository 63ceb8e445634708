"""Entries end by themselves, and nobody is handed a stale one."""

import math

import pytest
import trio

from ocpp_trio.backend.ttl import TtlTable


@pytest.fixture
def table():
    return TtlTable(ttl=10, capacity=3)


async def test_entry_counts_until_its_time_is_over(table, autojump_clock):
    table.put("a", 1)

    await trio.sleep(9.999)
    before = table.get("a"), list(table.items())
    await trio.sleep_until(10)

    assert before == (1, [("a", 1)])
    assert (table.get("a"), list(table.items())) == (None, [])


async def test_putting_again_renews(table, autojump_clock):
    table.put("a", 1)
    table.put("b", 2)
    await trio.sleep(6)
    table.put("a", 3)
    await trio.sleep(6)

    assert list(table.items()) == [("a", 3)]
    assert table.next_expiry == 10  # of the stale one, which nobody has taken out yet


async def test_expire_takes_the_stale_ones_out_and_says_which(table, autojump_clock):
    table.put("a", 1)
    await trio.sleep(5)
    table.put("b", 2)
    await trio.sleep(5)

    assert table.expire() == [("a", 1)]
    assert (len(table), table.next_expiry) == (1, 15)
    assert table.expire() == []


async def test_oldest_goes_when_there_are_too_many_and_the_caller_learns_which(table, autojump_clock):
    gone = [table.put(key, number) for number, key in enumerate("abcabde")]

    assert gone == [None] * 5 + [("c", 2), ("a", 3)]
    assert list(table.items()) == [("b", 4), ("d", 5), ("e", 6)]
    assert len(table) == 3


async def test_stale_entry_cannot_be_popped(table, autojump_clock):
    table.put("a", 1)
    table.put("b", 2)
    taken = table.pop("a")
    await trio.sleep(10)

    assert taken == 1
    assert (table.pop("a"), table.pop("b")) == (None, None)
    assert table.expire() == [("b", 2)]


async def test_empty_table_never_expires(table, autojump_clock):
    assert table.next_expiry == math.inf
    assert table.expire() == []


@pytest.mark.parametrize(
    "bounds", [{"ttl": 0, "capacity": 1}, {"ttl": math.nan, "capacity": 1}, {"ttl": 1, "capacity": 0}]
)
def test_bounds_that_are_none_are_refused(bounds):
    with pytest.raises(ValueError, match="expected"):
        TtlTable(**bounds)
