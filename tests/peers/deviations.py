"""What the peers answer otherwise than OCPP-J 1.6 section 4.2.3 says, what would be right, and why.

An application should treat all CALLERROR codes alike but for its log; the table is here to be noticed when it
changes, in either direction.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import attrs

from ocpp_trio import ErrorCode


class Fault(StrEnum):
    """What is wrong with a CALL, or with what became of it."""

    UNKNOWN_ACTION = "an action of no specification"
    NO_HANDLER = "an action of OCPP 1.6 that is not handled"
    MISSING_MEMBER = "a required member is missing"
    WRONG_TYPE = "text where an integer belongs"
    UNKNOWN_VALUE = "a value that the enumeration does not have"
    EXTRA_MEMBER = "a member that the message does not have"
    LONG_TEXT = "a text beyond its length"
    BUG = "the handler raises"
    BAD_ANSWER = "the handler's answer does not fit the schema"
    REFUSAL = "the handler refuses with SecurityError"


RIGHT: Final[Mapping[Fault, ErrorCode]] = {
    Fault.UNKNOWN_ACTION: ErrorCode.NOT_IMPLEMENTED,
    Fault.NO_HANDLER: ErrorCode.NOT_SUPPORTED,
    Fault.MISSING_MEMBER: ErrorCode.PROTOCOL_ERROR,
    Fault.WRONG_TYPE: ErrorCode.TYPE_CONSTRAINT_VIOLATION,
    Fault.UNKNOWN_VALUE: ErrorCode.PROPERTY_CONSTRAINT_VIOLATION,
    Fault.EXTRA_MEMBER: ErrorCode.FORMATION_VIOLATION,
    Fault.LONG_TEXT: ErrorCode.PROPERTY_CONSTRAINT_VIOLATION,
    Fault.BUG: ErrorCode.INTERNAL_ERROR,
    Fault.BAD_ANSWER: ErrorCode.INTERNAL_ERROR,
    Fault.REFUSAL: ErrorCode.SECURITY_ERROR,
}
"""What our stack answers, and would like to be answered."""


@attrs.frozen
class Deviation:
    """The code that goes over the wire, and why another one would be right."""

    code: str
    why: str


_SWAPPED: Final = "1.6 has NotImplemented for an action that is not known and NotSupported for one that is"

DEVIATIONS: Final[Mapping[tuple[str, Fault], Deviation]] = {
    ("ocpp", Fault.UNKNOWN_ACTION): Deviation("NotSupported", f"the two are swapped: {_SWAPPED}"),
    ("ocpp", Fault.NO_HANDLER): Deviation("NotImplemented", f"the two are swapped: {_SWAPPED}"),
    ("ocpp", Fault.UNKNOWN_VALUE): Deviation(
        "FormatViolation",
        "a spelling of 2.x, and the errata want PropertyConstraintViolation for a value outside its enumeration",
    ),
    ("ocpp", Fault.EXTRA_MEMBER): Deviation("FormatViolation", "the spelling of 2.x; 1.6 has FormationViolation"),
    ("ocpp", Fault.LONG_TEXT): Deviation(
        "TypeConstraintViolation", "text that is too long is of the right type; it is its value that breaks the limit"
    ),
    ("ocpp", Fault.BAD_ANSWER): Deviation(
        "FormatViolation", "it blames the request for its own answer, so the caller would look in the wrong place"
    ),
    ("ocpp-rpc", Fault.NO_HANDLER): Deviation("NotImplemented", f"both are answered alike: {_SWAPPED}"),
    ("ocpp-rpc", Fault.MISSING_MEMBER): Deviation(
        "OccurrenceConstraintViolation",
        "a common reading, but in the spelling of 2.x: what should mend the spelling for 1.6 turns it the wrong way",
    ),
    ("ocpp-rpc", Fault.UNKNOWN_VALUE): Deviation(
        "FormationViolation",
        "the errata want PropertyConstraintViolation for a value that an enumeration does not have",
    ),
    ("ocpp-rpc", Fault.EXTRA_MEMBER): Deviation(
        "PropertyConstraintViolation", "no value is at fault: the message does not have the structure of its action"
    ),
    ("ocpp-rpc", Fault.LONG_TEXT): Deviation(
        "FormationViolation", "the structure is right; it is a value that breaks its limit"
    ),
    ("ocpp-rpc", Fault.BUG): Deviation(
        "GenericError", "a receiver that failed has a code of its own, InternalError; this one says nothing"
    ),
}


def code_of(stack: str, fault: Fault) -> str:
    """The code that this stack answers the fault with."""
    deviation = DEVIATIONS.get((stack, fault))
    return RIGHT[fault] if deviation is None else deviation.code
