"""Payload classes, the link from request to response, and a version as a value."""

from typing import Any

import attrs
import pytest

from ocpp_trio.errors import ErrorCode
from ocpp_trio.wire.fields import CiString20
from ocpp_trio.wire.message import Defect, Payload, Request, Response, Version, actions_of


@attrs.frozen(kw_only=True)
class PingResponse(Response):
    """A response of no members."""


@attrs.frozen(kw_only=True)
class PingRequest(Request["PingRequest", PingResponse]):
    """A request with one member."""

    label: CiString20 | None = None


@attrs.frozen(kw_only=True)
class RequestRequest(Request["RequestRequest", PingResponse]):
    """A request whose action ends in the suffix itself."""


version = Version(
    subprotocol="ocpp0.1",
    charge_point_requests=(PingRequest,),
    csms_requests=(),
    boot=PingRequest,
    heartbeat=PingRequest,
    error_codes=dict.fromkeys(Defect, ErrorCode.GENERIC_ERROR),
    spellings={"FormatViolation": ErrorCode.FORMATION_VIOLATION},
    triggers={},
)


def test_a_request_knows_its_action_and_its_response() -> None:
    assert PingRequest.action == "Ping"
    assert PingRequest.response is PingResponse


def test_only_the_suffix_is_taken_off_the_class_name() -> None:
    assert RequestRequest.action == "Request"


def test_a_payload_is_a_value() -> None:
    assert PingRequest(label="a") == PingRequest(label="a")
    assert PingRequest(label="a") != PingRequest(label="b")
    assert hash(PingRequest(label="a")) == hash(PingRequest(label="a"))


def test_a_payload_cannot_be_changed() -> None:
    ping = PingRequest(label="a")

    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        ping.label = "b"  # type: ignore[misc]  # on purpose
    assert not hasattr(ping, "__dict__")


def test_a_changed_copy_is_checked_again() -> None:
    ping = PingRequest(label="a")

    with pytest.raises(ValueError, match="PingRequest.label"):
        attrs.evolve(ping, label="x" * 21)


def test_members_are_given_by_name() -> None:
    with pytest.raises(TypeError):
        PingRequest("a")  # type: ignore[call-arg]  # on purpose


def test_every_payload_class_has_its_own_shape() -> None:
    assert [member.name for member in PingRequest._shape.members] == ["label"]
    assert PingResponse._shape.members == ()
    assert issubclass(PingResponse, Payload)


def test_codes_are_spelt_as_the_version_spells_them() -> None:
    assert version.spell("FormatViolation") is ErrorCode.FORMATION_VIOLATION
    assert version.spell("FormationViolation") is ErrorCode.FORMATION_VIOLATION
    assert version.spell("GenericError") is ErrorCode.GENERIC_ERROR


def test_an_unknown_code_stays_the_text_it_is() -> None:
    assert version.spell("OutOfCoffee") == "OutOfCoffee"
    assert version.spell("") == ""


def test_a_version_stands_for_its_own_package() -> None:
    assert version.version is version


def test_versions_are_told_apart_by_identity() -> None:
    """An extended version is another one, even if nothing in it differs."""
    assert attrs.evolve(version) != version
    assert len({version, attrs.evolve(version)}) == 2


def test_requests_are_found_by_their_action() -> None:
    requests: tuple[type[Request[Any, Any]], ...] = (PingRequest, RequestRequest)

    assert actions_of(requests) == {"Ping": PingRequest, "Request": RequestRequest}


def test_defects_are_listed_in_the_order_in_which_they_win() -> None:
    assert [defect.name for defect in sorted(Defect, key=lambda defect: defect.value)] == [
        "MALFORMED",
        "DUPLICATE_ID",
        "UNKNOWN_ACTION",
        "NO_HANDLER",
        "NOT_ACCEPTED",
        "MISSING_MEMBER",
        "EXTRA_MEMBER",
        "WRONG_TYPE",
        "WRONG_CARDINALITY",
        "UNKNOWN_ENUM_VALUE",
        "BAD_VALUE",
        "HANDLER_FAILED",
        "OVERLOADED",
    ]


def test_a_class_on_top_of_a_payload_class_is_refused():
    with pytest.raises(TypeError, match="expected Payload, Request or Response as base"):

        @attrs.frozen(kw_only=True)
        class More(PingRequest):
            """One member more."""

            extra: int | None = None


def test_a_payload_class_without_slots_is_refused():
    with pytest.raises(TypeError, match="Loose: expected an attrs class with slots"):

        @attrs.frozen(kw_only=True, slots=False)
        class Loose(Payload):
            """No slots."""

            label: CiString20


def test_a_default_other_than_none_is_refused():
    with pytest.raises(TypeError, match="field 'label': expected no default but None, found 'x'"):

        @attrs.frozen(kw_only=True)
        class Preset(Payload):
            """JSON knows absence and no defaults."""

            label: CiString20 = "x"
