"""Where a node's transaction ids come from, and what is said if they cannot be had."""

from pathlib import Path

import pytest

from ocpp_trio.backend import IdRange, MemoryExchange, NumberConflict, StoreError, claim_ids
from tests.backend.stores import open_once

NODES = 100


@pytest.fixture
def exchange() -> MemoryExchange:
    return MemoryExchange()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.db"


async def claim(exchange: MemoryExchange, path: Path, name: str = "a") -> IdRange:
    return await claim_ids(exchange.bus(name), name, store=path, nodes=NODES)


async def test_a_node_starts_again_without_the_server_and_goes_on_with_its_ids(exchange, path, caplog):
    await exchange.bus("other").claim_number("other")
    first = await open_once(path, await claim(exchange, path))
    exchange.stop(forget=True)

    ids = await claim(exchange, path)

    assert ids == IdRange(1, NODES)
    assert [first, await open_once(path, ids)] == [ids.first, ids.first + 1]
    (message,) = caplog.messages
    assert message.startswith("'no node number from the server: the exchange is out of reach'")
    assert message.endswith(f", going on as number 1, which '{path}' remembers")


async def test_the_first_start_without_the_server_says_what_to_do(exchange, path):
    exchange.stop()

    words = f"out of reach; node 'a' needs one for its first start, {path} keeps it afterwards"
    with pytest.raises(ConnectionError, match=words):
        await claim(exchange, path)
    assert not path.exists()


async def test_a_store_that_was_another_nodes_is_told_apart(exchange, path):
    await open_once(path, await claim(exchange, path))

    with pytest.raises(NumberConflict, match="expected number 0 for node 'b', .* found it given to node 'a'"):
        await claim(exchange, path, "b")
    await exchange.bus("b").claim_number("b")
    with pytest.raises(NumberConflict, match="expected number 0 for node 'b', .* found number 1 at the server"):
        await claim(exchange, path, "b")


async def test_a_store_whose_ids_are_divided_otherwise_is_refused(exchange, path):
    await open_once(path, IdRange(0, 4))

    with pytest.raises(ValueError, match=f"one of {NODES} nodes, found {IdRange(0, 4)} in {path}: take a new file"):
        await claim(exchange, path)


async def test_a_store_of_a_csms_alone_becomes_that_of_the_first_node_only(exchange, tmp_path):
    for name in ("a", "b"):
        assert await open_once(tmp_path / name, None) == 1
    ids = [await claim(exchange, tmp_path / name, name) for name in ("a", "b")]

    assert await open_once(tmp_path / "a", ids[0]) == 2
    with pytest.raises(
        StoreError, match=f"expected {ids[1]}, found transaction 1 as the last .*: give this node a new"
    ):
        await open_once(tmp_path / "b", ids[1])


async def test_a_node_too_many_is_told_what_to_do(exchange, tmp_path):
    exchange.numbers.update({f"node-{number}": number for number in range(NODES - 1)})

    assert await claim(exchange, tmp_path / "a") == IdRange(NODES - 1, NODES)
    with pytest.raises(
        ValueError, match="expected up to 100 nodes, found 'b' to be number 101: start it under the name"
    ):
        await claim(exchange, tmp_path / "b", "b")
