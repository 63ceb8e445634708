"""The enumerations of the security extension."""

import re
from enum import StrEnum

import pytest

from ocpp_trio.v16 import enums, security_enums

ENUMS = [value for value in vars(security_enums).values() if isinstance(value, type) and issubclass(value, StrEnum)][1:]


def upper_snake(value: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", value).upper()


def test_there_are_as_many_as_the_messages_need() -> None:
    assert len(ENUMS) == 14


@pytest.mark.parametrize("enum", ENUMS, ids=lambda enum: enum.__name__)
def test_names_are_the_wire_values_in_upper_snake_case(enum: type[StrEnum]) -> None:
    assert [member.name for member in enum] == [upper_snake(member.value) for member in enum]


@pytest.mark.parametrize("enum", ENUMS, ids=lambda enum: enum.__name__)
def test_every_enumeration_says_where_it_is_specified(enum: type[StrEnum]) -> None:
    assert enum.__doc__ is not None
    assert re.search(r"\(section 6\.\d+\)", enum.__doc__)


def test_a_failed_upload_is_called_otherwise_than_in_the_base_specification() -> None:
    assert security_enums.UploadLogStatusEnumType.UPLOAD_FAILURE.value == "UploadFailure"
    assert enums.DiagnosticsStatus.UPLOAD_FAILED.value == "UploadFailed"
