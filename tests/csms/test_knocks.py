"""Who is counted where, and who has to go first."""

from ocpp_trio.csms.knocks import Knock, Knocks


def enter(knocks, *networks):
    entered = [Knock(network) for network in networks]
    for knock in entered:
        knocks.enter(knock)
    return entered


def test_counts_are_kept_by_network_and_forgotten_with_the_last_of_it():
    knocks = Knocks()
    one, other, third = enter(knocks, "A", "A", "B")
    assert (len(knocks), knocks.of("A"), knocks.of("B"), knocks.of("C")) == (3, 2, 1, 0)

    for knock in (one, one, third):
        knocks.leave(knock)

    assert (len(knocks), knocks.of("A"), knocks.of("B"), knocks.peak) == (1, 1, 0, 3)
    knocks.leave(other)
    assert not knocks._by_network


def next_network(knocks: Knocks) -> str | None:
    knock = knocks.first_to_go()
    if knock is None:
        return None
    knocks.leave(knock)
    return knock.network


def test_the_most_numerous_lose_first_and_of_equals_whose_oldest_is_older():
    knocks = Knocks()
    enter(knocks, "A", "B", "C", "B", "C", "C")

    assert [next_network(knocks) for _ in range(7)] == ["C", "B", "C", "A", "B", "C", None]


def test_of_one_network_the_oldest_goes_first():
    knocks = Knocks()
    first, second = enter(knocks, "A", "A")

    found = knocks.first_to_go()
    knocks.leave(first)

    assert (found, knocks.first_to_go()) == (first, second)


def test_who_has_asked_stays_and_counts_all_the_same():
    knocks = Knocks()
    for knock in enter(knocks, "A", "A"):
        knock.asked = True
    enter(knocks, "B", "A")

    assert [next_network(knocks) for _ in range(3)] == ["A", "B", None]
    assert len(knocks) == 2
