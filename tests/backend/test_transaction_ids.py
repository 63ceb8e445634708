"""How the transaction ids are divided between nodes."""

import pytest

from ocpp_trio.backend import IdRange
from ocpp_trio.backend.transaction_ids import LARGEST_ID


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
