"""What a message is: payload classes, the request-to-response link, and an OCPP version as a value.

Owns the types that every version's message classes derive from. Knows nothing of JSON: that is the
codec's, which reads these classes.
"""

from collections.abc import Callable, Mapping
from enum import Enum, auto
from functools import cache
from typing import Any, ClassVar, Final, Generic, Protocol, TypeVar, get_args

import attrs

from ocpp_trio.errors import ErrorCode
from ocpp_trio.wire.check import compile_check
from ocpp_trio.wire.shape import Shape, shape_of

RequestT = TypeVar("RequestT", bound="Request[Any, Any]")
ResponseT = TypeVar("ResponseT", bound="Response")


class Payload:
    """An object of an OCPP message, nested or whole.

    Subclasses are `@attrs.frozen(kw_only=True)` classes of annotated fields. Constructing one checks
    every field and raises ValueError, naming the field, what was found and what was expected.
    """

    __slots__ = ("__weakref__",)

    _shape: ClassVar[Shape]
    _check: ClassVar[Callable[[Any], None]]

    @classmethod
    def __attrs_init_subclass__(cls) -> None:
        # Said here and not at the first message: the generated code fills exactly the slots of one class.
        if cls.__dictoffset__:
            raise TypeError(f"{cls.__name__}: expected an attrs class with slots")
        if any("_shape" in vars(base) for base in cls.__mro__[1:]):
            raise TypeError(f"{cls.__name__}: expected Payload, Request or Response as base, not a class of fields")
        cls._shape = shape_of(cls)
        cls._check = staticmethod(compile_check(cls._shape))

    def __attrs_post_init__(self) -> None:
        self._check(self)  # type: ignore[call-arg]  # a staticmethod, so nothing is bound


class Response(Payload):
    """The payload of a CALLRESULT."""

    __slots__ = ()


class Request(Payload, Generic[RequestT, ResponseT]):
    """The payload of a CALL; `Request["XRequest", XResponse]` ties it to its response.

    `action` is the name on the wire and `response` the class its answer is read as.
    """

    __slots__ = ()

    action: ClassVar[str]
    response: ClassVar[type[Response]]

    @classmethod
    def __attrs_init_subclass__(cls) -> None:
        super().__attrs_init_subclass__()
        cls.action = cls.__name__.removesuffix("Request")
        cls.response = get_args(cls.__orig_bases__[0])[1]  # type: ignore[attr-defined]  # set by typing


class Defect(Enum):
    """What can be wrong with an incoming CALL, in the order in which the first failing check wins."""

    MALFORMED = auto()
    DUPLICATE_ID = auto()
    UNKNOWN_ACTION = auto()
    NO_HANDLER = auto()
    NOT_ACCEPTED = auto()
    MISSING_MEMBER = auto()
    EXTRA_MEMBER = auto()
    WRONG_TYPE = auto()
    WRONG_CARDINALITY = auto()
    UNKNOWN_ENUM_VALUE = auto()
    BAD_VALUE = auto()
    HANDLER_FAILED = auto()
    OVERLOADED = auto()


@attrs.frozen(kw_only=True, eq=False)
class Version:
    """An OCPP version as data: what may be said by whom, and how it is spelt.

    `spellings` maps the codes of other versions to this one's. `triggers` tells, for a request such
    as TriggerMessage, the action its accepted response permits before registration.
    """

    subprotocol: str
    charge_point_requests: tuple[type[Request[Any, Any]], ...]
    csms_requests: tuple[type[Request[Any, Any]], ...]
    boot: type[Request[Any, Any]]
    heartbeat: Callable[[], Request[Any, Any]]
    error_codes: Mapping[Defect, ErrorCode]
    spellings: Mapping[str, ErrorCode]
    triggers: Mapping[type[Request[Any, Any]], Callable[[Any, Any], str | None]]

    @property
    def version(self) -> "Version":
        """Itself, so that an extended version can stand where a version's package does."""
        return self

    def spell(self, code: str) -> str:
        """This version's spelling of an error code; an unknown code stays the text it is."""
        return self.spellings.get(code) or _KNOWN_CODES.get(code, code)


@cache
def actions_of(requests: tuple[type[Request[Any, Any]], ...]) -> Mapping[str, type[Request[Any, Any]]]:
    """The requests by the action name of their CALL."""
    return {request_type.action: request_type for request_type in requests}


class VersionModule(Protocol):
    """A package of message classes, such as `ocpp_trio.v16`."""

    @property
    def version(self) -> Version: ...


_KNOWN_CODES: Final[Mapping[str, str]] = {code.value: code for code in ErrorCode}
