"""Which tag may charge."""

import pytest

from ocpp_trio.backend import IdTags, TagPolicy
from ocpp_trio.v16 import AuthorizationStatus as S


def test_what_is_known_is_known_without_regard_to_case():
    tags = IdTags({"Tag-1": S.ACCEPTED, "TAG-2": S.BLOCKED})

    assert [tags.status(tag) for tag in ("TAG-1", "tag-1", "tag-2", "tag-3")] == [
        S.ACCEPTED,
        S.ACCEPTED,
        S.BLOCKED,
        None,
    ]


def test_without_a_list_nothing_is_known():
    assert IdTags().status("anything") is None


def test_a_tag_that_is_put_again_takes_the_place_of_the_first_until_it_is_removed():
    tags = IdTags({"b": S.ACCEPTED, "Tag": S.ACCEPTED})

    tags.put("TAG", S.EXPIRED)
    assert list(tags.snapshot().items()) == [("TAG", S.EXPIRED), ("b", S.ACCEPTED)]
    tags.remove("tag")
    tags.remove("tag")
    assert tags.snapshot() == {"b": S.ACCEPTED}


def test_a_list_cannot_say_two_things_about_one_tag():
    with pytest.raises(ValueError, match=r"expected tags that differ in more than case, found \['TAG', 'tag'\]"):
        IdTags({"tag": S.ACCEPTED, "TAG": S.BLOCKED})


@pytest.mark.parametrize(
    ("policy", "known", "status"),
    [
        (TagPolicy(), None, S.ACCEPTED),
        (TagPolicy(unknown=S.INVALID), None, S.INVALID),
        (TagPolicy(unknown=S.INVALID), S.ACCEPTED, S.ACCEPTED),
        (TagPolicy(), S.BLOCKED, S.BLOCKED),
    ],
)
def test_a_policy_decides_about_tags_that_are_not_known(policy, known, status):
    assert policy.status(known) is status


@pytest.mark.parametrize(
    ("concurrent", "known", "charges_already", "status"),
    [
        (True, S.ACCEPTED, True, S.ACCEPTED),
        (False, S.ACCEPTED, False, S.ACCEPTED),
        (False, S.ACCEPTED, True, S.CONCURRENT_TX),
        (False, None, True, S.CONCURRENT_TX),
        (False, S.BLOCKED, True, S.BLOCKED),
    ],
)
def test_a_policy_may_refuse_a_second_transaction_to_a_tag_that_is_good(concurrent, known, charges_already, status):
    policy = TagPolicy(concurrent=concurrent)

    assert policy.judge(known, charges_already=charges_already) is status
