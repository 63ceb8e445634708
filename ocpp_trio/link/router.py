"""Which handler answers which request, and what follows the answer.

Owns the table; must not know sessions' insides or when handlers run.
"""

from collections.abc import Awaitable, Callable
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, TypeVar

from ocpp_trio.wire.message import Request, Response, Version, VersionModule

if TYPE_CHECKING:
    # The session calls the router; here it is only a name in signatures.
    from ocpp_trio.link.session import Session

RequestT = TypeVar("RequestT", bound=Request[Any, Any])
ResponseT = TypeVar("ResponseT", bound=Response)

Handler = Callable[["Session", RequestT], Awaitable[ResponseT]]
Afterthought = Callable[["Session", RequestT, ResponseT], Awaitable[None]]


class Router:
    """Handlers of one OCPP version, for one or many sessions.

        router = Router(v16)

        @router.on(v16.AuthorizeRequest)
        async def authorize(session: Session, request: v16.AuthorizeRequest) -> v16.AuthorizeResponse: ...

    A handler may call the peer before it answers. To reject, it raises `CallRejected(code, description)`;
    any other exception answers InternalError and goes to the log.
    """

    def __init__(self, module: VersionModule) -> None:
        self.version: Version = module.version
        self._handlers: dict[type[Request[Any, Any]], Handler[Any, Any]] = {}
        self._afterthoughts: dict[type[Request[Any, Any]], Afterthought[Any, Any]] = {}
        self._known = frozenset(self.version.charge_point_requests + self.version.csms_requests)

    def on(
        self, request_type: type[Request[RequestT, ResponseT]]
    ) -> Callable[[Handler[RequestT, ResponseT]], Handler[RequestT, ResponseT]]:
        """Register the handler of a request type.

        Raises ValueError if there is one already, or if the version has no such request.
        """
        self._check_known(request_type)

        def register(handler: Handler[RequestT, ResponseT]) -> Handler[RequestT, ResponseT]:
            self._enter(self._handlers, request_type, handler)
            return handler

        return register

    def after(
        self, request_type: type[Request[RequestT, ResponseT]]
    ) -> Callable[[Afterthought[RequestT, ResponseT]], Afterthought[RequestT, ResponseT]]:
        """Register what follows the answer to a request: it starts once the reply is on the wire.

        For the message that a TriggerMessage asked for, the transaction that a RemoteStart begins, the
        reset itself. It runs in the session's nursery and is cancelled when the connection ends.
        """
        self._check_known(request_type)

        def register(afterthought: Afterthought[RequestT, ResponseT]) -> Afterthought[RequestT, ResponseT]:
            self._enter(self._afterthoughts, request_type, afterthought)
            return afterthought

        return register

    def handler(self, request_type: type[Request[Any, Any]]) -> Handler[Any, Any] | None:
        """The handler of a request type, if there is one."""
        return self._handlers.get(request_type)

    def afterthought(self, request_type: type[Request[Any, Any]]) -> Afterthought[Any, Any] | None:
        """What follows the answer to a request type, if anything does."""
        return self._afterthoughts.get(request_type)

    def _check_known(self, request_type: object) -> None:
        """At once, so that a decorator without its parentheses does not register nothing in silence."""
        if request_type not in self._known:
            name = getattr(request_type, "__name__", repr(request_type))
            raise ValueError(f"expected a request of {self.version.subprotocol}, found {name}")

    def _enter(self, table: dict[Any, Any], request_type: type, function: object) -> None:
        if request_type in table:
            first = getattr(table[request_type], "__qualname__", repr(table[request_type]))
            raise ValueError(f"{request_type.__name__} is registered already, with {first}")
        if not iscoroutinefunction(function):
            raise ValueError(f"expected an async function for {request_type.__name__}, found {function!r}")
        table[request_type] = function
