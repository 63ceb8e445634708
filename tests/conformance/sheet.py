"""Where the specification and the official schemas say different things, and what we make of each.

The rows D1 to D10, and those that follow them, each with payloads that show it: a complete message with one
value changed, and who takes it. `python -m tools.compare_schemas` prints the rows, `test_sheet` holds both
sides to them.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

import attrs

from ocpp_trio import Leniency, Payload, RemoteProtocolError, v16
from ocpp_trio.wire.codec import codec_of
from tests.conformance.generate import ABSENT, replaced
from tests.conformance.schemas import PAYLOADS
from tests.v16.samples import COMPLETE

_COMPLETE: Final = dict(COMPLETE)
_UNIT: Final = "$.meterValue[].sampledValue[].unit"
_STOPPED: Final = "$.transactionData[].sampledValue"
_PERIODS: Final = "chargingSchedule.chargingSchedulePeriod"
_RATE: Final = "$.chargingSchedule.minChargingRate"
_MARK: Final = "here stands the literal"
_HALF: Final = "\ud800"


@attrs.frozen
class Literal:
    """A value as it stands in the text, where Python would write another."""

    text: str


@attrs.frozen
class Case:
    """A complete payload with another value at one place, and who takes it.

    `sent` is whether a constructor lets it pass, where that is not what the codec says of a peer's; `leniency` is
    the one that reads what is refused.
    """

    payload: str
    path: str
    value: Any
    ours: bool = attrs.field(kw_only=True)
    theirs: bool = attrs.field(kw_only=True)
    sent: bool = attrs.field(kw_only=True, default=attrs.Factory(lambda self: self.ours, takes_self=True))
    leniency: Leniency = attrs.field(kw_only=True, default=Leniency.STRICT)

    @property
    def text(self) -> str:
        """The payload as JSON."""
        literal = isinstance(self.value, Literal)
        text = json.dumps(replaced(_COMPLETE[PAYLOADS[self.payload]], self.path, _MARK if literal else self.value))
        return text.replace(json.dumps(_MARK), self.value.text) if literal else text

    @property
    def change(self) -> str:
        """What was changed, in one line."""
        return f"{self.payload} {self.path.removeprefix('$.')}: {_shown(self.value)}"


def _shown(value: Any) -> str:
    if isinstance(value, Literal):
        return value.text
    # Half a surrogate pair is printed as an escape, for nothing else of it can be.
    return "left out" if value is ABSENT else json.dumps(value, ensure_ascii=value == _HALF)


def read(name: str, text: str, leniency: Leniency = Leniency.STRICT) -> Payload | None:
    """What our codec makes of a payload; None if it refuses."""
    try:
        return codec_of(v16.version, leniency).decode(PAYLOADS[name], text.encode())
    except RemoteProtocolError:
        return None


@attrs.frozen(kw_only=True)
class Row:
    """One subject, what is said of it on either side, what we do and why."""

    where: str
    specification: str
    schemas: str
    ours: str
    reason: str
    cases: tuple[Case, ...]


BEYOND_RULES: Final = "edges"
"""The row about what no rule of a schema can speak of."""

SHEET: Final[Mapping[str, Row]] = {
    "D1": Row(
        where="unit of a sampled value in MeterValues",
        specification="16 units",
        schemas="18: Celcius, which is an old typing error, and Hertz",
        ours="all 18, read and written",
        reason="the old spelling is in the field, and a unit is no reason to lose a reading; what to send is the "
        "station's choice",
        cases=(
            Case("MeterValues", _UNIT, "Celsius", ours=True, theirs=True),
            Case("MeterValues", _UNIT, "Celcius", ours=True, theirs=True),
            Case("MeterValues", _UNIT, "Hertz", ours=True, theirs=True),
            Case("MeterValues", _UNIT, "Hz", ours=False, theirs=False, leniency=Leniency.UNKNOWN_ENUM_VALUES),
        ),
    ),
    "D2": Row(
        where="unit of a sampled value in StopTransaction",
        specification="16 units",
        schemas="17: Celcius, not Hertz",
        ours="all 18, as in MeterValues",
        reason="both messages carry the same SampledValue, and the end of a transaction is not to be lost for a unit",
        cases=(
            Case("StopTransaction", f"{_STOPPED}[].unit", "Celcius", ours=True, theirs=True),
            Case("StopTransaction", f"{_STOPPED}[].unit", "Hertz", ours=True, theirs=False),
        ),
    ),
    "D3": Row(
        where="MeterValues.meterValue and its sampledValue",
        specification="1..*",
        schemas="at least one element in the package, any number in the alliance's own files",
        ours="at least one element",
        reason="the specification says so; Leniency.EMPTY_LISTS takes none",
        cases=(
            Case("MeterValues", "$.meterValue", [], ours=False, theirs=False, leniency=Leniency.EMPTY_LISTS),
            Case(
                "MeterValues", "$.meterValue[].sampledValue", [],
                ours=False, theirs=False, leniency=Leniency.EMPTY_LISTS,
            ),
        ),
    ),
    "D4": Row(
        where="sampledValue of StopTransaction.transactionData",
        specification="1..*",
        schemas="any number of elements",
        ours="at least one element; Leniency.EMPTY_LISTS takes none",
        reason="it is the type that D3 is about; strict is the default, and who has stations that leave it empty "
        "says so and loses nothing",
        cases=(Case("StopTransaction", _STOPPED, [], ours=False, theirs=True, leniency=Leniency.EMPTY_LISTS),),
    ),
    "D5": Row(
        where="chargingSchedulePeriod of every charging schedule",
        specification="1..*",
        schemas="any number of elements",
        ours="at least one element",
        reason="a schedule without a period limits nothing, and the alliance's text is plain; "
        "Leniency.EMPTY_LISTS takes none",
        cases=tuple(
            Case(name, f"$.{holder}{_PERIODS}", [], ours=False, theirs=True, leniency=Leniency.EMPTY_LISTS)
            for name, holder in (
                ("SetChargingProfile", "csChargingProfiles."),
                ("RemoteStartTransaction", "chargingProfile."),
                ("GetCompositeScheduleResponse", ""),
            )
        ),
    ),
    "D6": Row(
        where="certificateHashData of GetInstalledCertificateIds.conf",
        specification="0..*",
        schemas="absent, or at least one element",
        ours="absent, or at least one element",
        reason="the text asks for at least one where there is the member; Leniency.EMPTY_LISTS takes none",
        cases=(
            Case("GetInstalledCertificateIdsResponse", "$.certificateHashData", ABSENT, ours=True, theirs=True),
            Case(
                "GetInstalledCertificateIdsResponse", "$.certificateHashData", [],
                ours=False, theirs=False, leniency=Leniency.EMPTY_LISTS,
            ),
        ),
    ),
    "D7": Row(
        where="integers",
        specification="ranges, in its tables and in its prose",
        schemas="no minimum and no maximum anywhere",
        ours="connector ids and the stack level of a profile are not negative; 0 as the one connector of "
        "StartTransaction, RemoteStartTransaction and UnlockConnector is not sent, but read; ExtendedTriggerMessage "
        "has it neither way",
        reason="a transaction that began is reported, whatever is wrong with the report, and a CALLERROR might make "
        "the station drop it; the other two have an answer that says more, Rejected and NotSupported. Ranges that a "
        "station configures, and numbers of a meaning of their own such as -1, are for the handlers",
        cases=(
            Case("StartTransaction", "$.connectorId", 0, ours=True, theirs=True, sent=False),
            Case("RemoteStartTransaction", "$.connectorId", 0, ours=True, theirs=True, sent=False),
            Case("UnlockConnector", "$.connectorId", 0, ours=True, theirs=True, sent=False),
            Case("ExtendedTriggerMessage", "$.connectorId", 0, ours=False, theirs=True),
            Case("TriggerMessage", "$.connectorId", 0, ours=True, theirs=True),
            Case("StatusNotification", "$.connectorId", 0, ours=True, theirs=True),
            Case("StartTransaction", "$.connectorId", -1, ours=False, theirs=True),
            Case("MeterValues", "$.connectorId", -1, ours=False, theirs=True),
            Case("SetChargingProfile", "$.csChargingProfiles.stackLevel", -1, ours=False, theirs=True),
            Case("MeterValues", "$.transactionId", -1, ours=True, theirs=True),
            Case("GetLocalListVersionResponse", "$.listVersion", -1, ours=True, theirs=True),
            Case("SendLocalList", "$.listVersion", 0, ours=True, theirs=True),
            Case("GetCompositeSchedule", "$.duration", -1, ours=True, theirs=True),
        ),
    ),
    "D8": Row(
        where="every CiString",
        specification="printable ASCII, compared without case",
        schemas="a greatest length",
        ours="a greatest length, and the text as it was written",
        reason="a text is compared where it is used: id tags, vendor ids and configuration keys are folded there; "
        "characters beyond ASCII harm nobody",
        cases=(
            Case("Authorize", "$.idTag", "aBc", ours=True, theirs=True),
            Case("Authorize", "$.idTag", "é" * 20, ours=True, theirs=True),
            Case("Authorize", "$.idTag", "x" * 21, ours=False, theirs=False, leniency=Leniency.LONG_STRINGS),
        ),
    ),
    "D9": Row(
        where="idTagInfo of an entry of SendLocalList",
        specification="required in a full update",
        schemas="optional",
        ours="optional",
        reason="what is wrong with a list is said by the status Failed, which is the handler's to answer",
        cases=(
            Case(
                "SendLocalList", "$",
                {"listVersion": 8, "updateType": "Full", "localAuthorizationList": [{"idTag": "A"}]},
                ours=True, theirs=True,
            ),
        ),
    ),
    "D10": Row(
        where="enumerations",
        specification="their values",
        schemas="a rule on additional members, which a text has none of",
        ours="exactly the values of the enumeration",
        reason="the rule says nothing about a text",
        cases=(
            Case("Reset", "$.type", "Soft", ours=True, theirs=True),
            Case("Reset", "$.type", "soft", ours=False, theirs=False, leniency=Leniency.UNKNOWN_ENUM_VALUES),
        ),
    ),
    "locations": Row(
        where="location of GetDiagnostics and UpdateFirmware",
        specification="a URI",
        schemas="a URI, to the validators that look at formats",
        ours="any text",
        reason="whether a location is of use shows when it is used",
        cases=(
            Case("GetDiagnostics", "$.location", "files.example.org/in", ours=True, theirs=False),
            Case("UpdateFirmware", "$.location", "files.example.org/in", ours=True, theirs=False),
        ),
    ),
    "edges": Row(
        where="what JSON can say and a double or a text cannot, and members that come twice",
        specification="nothing",
        schemas="nothing: it is for the parser in front of them",
        ours="a decimal is the double nearest to its digits; half a surrogate pair is no character; of a member that "
        "comes twice the last wins, but where the first is seen not to fit",
        reason="what is read is what a person can hold and send on, and to look for doubled members would cost every "
        "message a quarter more",
        cases=(
            Case("GetCompositeScheduleResponse", _RATE, Literal("21.400000000000000001"), ours=True, theirs=False),
            Case("GetCompositeScheduleResponse", _RATE, Literal("21.400000000000002"), ours=False, theirs=False),
            Case("Authorize", "$.idTag", _HALF, ours=False, theirs=True),
            Case("Authorize", "$.idTag", Literal('"A", "idTag": "B"'), ours=True, theirs=True),
            Case("Authorize", "$.idTag", Literal('5, "idTag": "B"'), ours=False, theirs=True),
        ),
    ),
}  # fmt: skip
