"""A CSMS: accepts every station that boots, knows one id tag, and asks for a charge.

Run it with `python examples/csms.py [PORT]`.
"""

import sys
from datetime import UTC, datetime
from functools import partial

import trio

from ocpp_trio import CsmsServer, Router, Session, serve_csms, v16

router = Router(v16)


@router.on(v16.BootNotificationRequest)
async def boot(session: Session, request: v16.BootNotificationRequest) -> v16.BootNotificationResponse:
    print(f"{session.identity}: a {request.charge_point_model} of {request.charge_point_vendor}")
    now = datetime.now(UTC)
    return v16.BootNotificationResponse(status=v16.RegistrationStatus.ACCEPTED, current_time=now, interval=300)


@router.after(v16.BootNotificationRequest)
async def ask_for_a_charge(
    session: Session, request: v16.BootNotificationRequest, response: v16.BootNotificationResponse
) -> None:
    reply = await session.call(v16.RemoteStartTransactionRequest(id_tag="TAG-1"))
    print(f"{session.identity}: remote start {reply.status.value}")


@router.on(v16.HeartbeatRequest)
async def heartbeat(session: Session, request: v16.HeartbeatRequest) -> v16.HeartbeatResponse:
    return v16.HeartbeatResponse(current_time=datetime.now(UTC))


@router.on(v16.StatusNotificationRequest)
async def status(session: Session, request: v16.StatusNotificationRequest) -> v16.StatusNotificationResponse:
    print(f"{session.identity}: connector {request.connector_id} is {request.status.value}")
    return v16.StatusNotificationResponse()


@router.on(v16.AuthorizeRequest)
async def authorize(session: Session, request: v16.AuthorizeRequest) -> v16.AuthorizeResponse:
    known = request.id_tag.casefold() == "tag-1"
    status = v16.AuthorizationStatus.ACCEPTED if known else v16.AuthorizationStatus.INVALID
    return v16.AuthorizeResponse(id_tag_info=v16.IdTagInfo(status=status))


async def main(port: int) -> None:
    async with trio.open_nursery() as nursery:
        server: CsmsServer = await nursery.start(partial(serve_csms, [router], port, host="127.0.0.1"))
        print(f"listening on port {server.port}")


if __name__ == "__main__":
    try:
        trio.run(main, int(sys.argv[1]) if len(sys.argv) > 1 else 9000)
    except* KeyboardInterrupt:  # a nursery wraps it
        pass
