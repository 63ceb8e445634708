"""A charge point: boots, answers a remote start, asks about an id tag, and stays online until Ctrl-C.

Run it with `python examples/charge_point.py [URL]`, next to `examples/csms.py` or `ocpp-trio csms`.
"""

import sys

import trio

from ocpp_trio import Router, Session, open_charge_point, v16

BOOT = v16.BootNotificationRequest(charge_point_vendor="Acme", charge_point_model="One")

router = Router(v16)


@router.on(v16.RemoteStartTransactionRequest)
async def remote_start(
    session: Session, request: v16.RemoteStartTransactionRequest
) -> v16.RemoteStartTransactionResponse:
    print(f"asked to charge for {request.id_tag}")
    return v16.RemoteStartTransactionResponse(status=v16.RemoteStartStopStatus.ACCEPTED)


async def main(url: str) -> None:
    async with open_charge_point(url, "CP-1", router=router, boot=BOOT) as station:
        await station.wait_online()
        with trio.fail_after(5):
            reply = await station.call(v16.AuthorizeRequest(id_tag="TAG-1"))
        print(f"TAG-1 is {reply.id_tag_info.status.value}")
        await trio.sleep_forever()


if __name__ == "__main__":
    try:
        trio.run(main, sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:9000/ocpp")
    except* KeyboardInterrupt:  # a nursery wraps it
        pass
