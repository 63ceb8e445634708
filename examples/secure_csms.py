"""A CSMS that stations reach with TLS and a password, or with a certificate of their own.

Make what it needs, run it, and connect a station:

    ocpp-trio certs secrets
    ocpp-trio password CP-1 >> secrets/passwords
    python examples/secure_csms.py secrets
    OCPP_TRIO_PASSWORD=… ocpp-trio station wss://localhost:9000/ocpp CP-1 --ca secrets/ca.pem
"""

import ssl
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import trio

from ocpp_trio import (
    Acceptance,
    AttemptLimit,
    CertificateNames,
    Credentials,
    CsmsServer,
    NeverLower,
    PasswordHashes,
    Refusal,
    Router,
    Session,
    any_of,
    serve_csms,
    server_context,
    v16,
)

router = Router(v16)


@router.on(v16.BootNotificationRequest)
async def boot(session: Session, request: v16.BootNotificationRequest) -> v16.BootNotificationResponse:
    print(f"{session.identity}: a {request.charge_point_model} has booted")
    now = datetime.now(UTC)
    return v16.BootNotificationResponse(status=v16.RegistrationStatus.ACCEPTED, current_time=now, interval=300)


@router.on(v16.HeartbeatRequest)
async def heartbeat(session: Session, request: v16.HeartbeatRequest) -> v16.HeartbeatResponse:
    return v16.HeartbeatResponse(current_time=datetime.now(UTC))


@router.on(v16.StatusNotificationRequest)
async def status(session: Session, request: v16.StatusNotificationRequest) -> v16.StatusNotificationResponse:
    return v16.StatusNotificationResponse()


async def main(secrets: Path, port: int) -> None:
    context = server_context(secrets / "server.pem", secrets / "server.key", client_ca=secrets / "ca.pem")
    context.verify_mode = ssl.CERT_OPTIONAL  # a station without a certificate has its password
    either = any_of(CertificateNames(), PasswordHashes.of_file(secrets / "passwords"))
    door = AttemptLimit(NeverLower(either))

    async def authenticate(credentials: Credentials) -> Acceptance | Refusal:
        verdict = await door(credentials)
        if isinstance(verdict, Acceptance):
            print(f"{credentials.identity}: let in with security profile {verdict.profile}")
        else:
            print(f"{credentials.identity} at {credentials.peer} is refused: {verdict.detail}")
        return verdict

    async with trio.open_nursery() as nursery:
        serve = partial(serve_csms, [router], port, host="127.0.0.1", ssl_context=context, authenticate=authenticate)
        server: CsmsServer = await nursery.start(serve)
        print(f"listening on port {server.port}")


if __name__ == "__main__":
    try:
        trio.run(main, Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 9000)
    except* KeyboardInterrupt:
        pass  # Ctrl-C is how it ends; with a star, because it may come out of a nursery
