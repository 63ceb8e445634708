"""Which tag may charge."""

import pytest

from ocpp_trio.backend import IdTags
from ocpp_trio.v16 import AuthorizationStatus as S


def test_without_a_list_every_tag_is_accepted():
    assert IdTags().status("anything") is S.ACCEPTED


def test_a_list_decides_without_regard_to_case():
    tags = IdTags({"Tag-1": S.ACCEPTED, "TAG-2": S.BLOCKED})

    assert [tags.status(tag) for tag in ("TAG-1", "tag-1", "tag-2", "tag-3")] == [
        S.ACCEPTED,
        S.ACCEPTED,
        S.BLOCKED,
        S.INVALID,
    ]


def test_an_empty_list_accepts_nobody():
    assert IdTags({}).status("TAG-1") is S.INVALID


def test_a_list_cannot_say_two_things_about_one_tag():
    with pytest.raises(ValueError, match=r"expected tags that differ in more than case, found \['TAG', 'tag'\]"):
        IdTags({"tag": S.ACCEPTED, "TAG": S.BLOCKED})
