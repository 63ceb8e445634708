"""How the transaction ids are divided between nodes."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path

import attrs
import pytest
import trio

from ocpp_trio.backend import IdRange, MemoryStore, Store, TagPolicy, open_sqlite_store
from ocpp_trio.backend.transaction_ids import LARGEST_ID
from tests.backend.stores import START, inline

Kind = Callable[..., AbstractAsyncContextManager[Store]]


def test_one_node_has_all_positive_ids_of_32_bits():
    assert (IdRange().first, IdRange().last) == (1, 2_147_483_647)


@pytest.mark.parametrize("nodes", [2, 3, 7, 1000])
def test_ranges_of_nodes_follow_one_another_without_overlap(nodes):
    ranges = [IdRange(node, nodes) for node in range(nodes)]

    assert ranges[0].first == 1
    assert [one.last + 1 for one in ranges[:-1]] == [one.first for one in ranges[1:]]
    assert LARGEST_ID - nodes < ranges[-1].last <= LARGEST_ID


@pytest.mark.parametrize(("node", "nodes"), [(1, 1), (-1, 2), (0, 0), (2, 2), (0, 2**31)])
def test_a_node_is_one_of_its_nodes(node, nodes):
    with pytest.raises(ValueError, match=f"found {node} of {nodes}"):
        IdRange(node, nodes)


def test_a_range_is_told_in_words():
    assert str(IdRange(1, 2)) == "ids 1073741824 to 2147483646 of node 1 of 2"


@asynccontextmanager
async def in_memory(path: Path, ids: IdRange) -> AsyncIterator[Store]:
    yield MemoryStore(first_transaction_id=ids.first)


@asynccontextmanager
async def in_a_file(path: Path, ids: IdRange | None) -> AsyncIterator[Store]:
    async with open_sqlite_store(path, ids=ids, run_blocking=inline) as store:
        yield store


async def start_many(stores: Sequence[Store], number: int, *, meter_start: int = 0) -> list[int]:
    """The ids of transactions that all nodes start at the same time, a station each."""
    found: list[int] = []

    async def start(store: Store, identity: str) -> None:
        request = attrs.evolve(START, meter_start=meter_start)
        found.append((await store.start_transaction(identity, request, TagPolicy())).transaction_id)

    async with trio.open_nursery() as nursery:
        for station in range(number):
            for node, store in enumerate(stores):
                nursery.start_soon(start, store, f"CP-{node}-{station}")
    return found


async def open_all(stack: AsyncExitStack, kind: Kind, folder: Path, ranges: Sequence[IdRange | None]) -> list[Store]:
    opened = [kind(folder / f"{node}.db", ids) for node, ids in enumerate(ranges)]
    return [await stack.enter_async_context(store) for store in opened]


@pytest.mark.parametrize("kind", [in_memory, in_a_file])
@pytest.mark.parametrize("nodes", [3, 1024])
async def test_nodes_that_start_many_transactions_at_once_hand_out_no_id_twice(kind, nodes, tmp_path, autojump_clock):
    ranges = [IdRange(node, nodes) for node in (0, 1, nodes - 1)]
    async with AsyncExitStack() as stack:
        stores = await open_all(stack, kind, tmp_path, ranges)

        found = await start_many(stores, 100)

    assert len(set(found)) == len(found) == 300
    assert [sum(ids.first <= each <= ids.last for each in found) for ids in ranges] == [100, 100, 100]


async def test_nodes_that_restart_with_their_files_hand_out_no_id_again(tmp_path, autojump_clock):
    found = []
    for life in range(3):
        # In later lives nobody tells them their ids.
        ranges = [IdRange(node, 1024) if life == 0 else None for node in range(3)]
        async with AsyncExitStack() as stack:
            stores = await open_all(stack, in_a_file, tmp_path, ranges)
            found += await start_many(stores, 30, meter_start=life)

    assert len(set(found)) == len(found) == 270


async def test_a_node_without_a_file_hands_out_the_same_ids_in_its_next_life(tmp_path, autojump_clock):
    lives = []
    for _ in range(2):
        async with in_memory(tmp_path / "none", IdRange(1, 4)) as store:
            lives.append(await start_many([store], 3))

    assert lives[0] == lives[1] == [IdRange(1, 4).first + number for number in range(3)]
