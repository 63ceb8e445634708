"""What the authenticator is shown of an upgrade request, and what is refused whatever it says."""

import base64

import attrs
import pytest

from ocpp_trio import Acceptance, AttemptLimit, Credentials, HandshakeError, Limits, Refusal, open_client
from ocpp_trio.link.tls import secure_client
from tests.certificates import HOST

YES = Acceptance(authenticated=True)


@attrs.define
class Door:
    """An authenticator that lets everybody in and remembers what it was shown."""

    shown: list[Credentials] = attrs.Factory(list)

    async def __call__(self, credentials: Credentials) -> Acceptance:
        self.shown.append(credentials)
        return YES


@pytest.fixture
def door() -> Door:
    return Door()


def basic(user: bytes, password: bytes) -> tuple[bytes, bytes]:
    return (b"Authorization", b"Basic " + base64.b64encode(user + b":" + password))


@pytest.mark.parametrize("password", [b"secret", b"", b"\x00\xff:\xfe", b":", bytes(range(256))])
async def test_the_password_is_bytes(ground, door, password, autojump_clock):
    async with ground.serve(authenticate=door), ground.connect(headers=(basic(b"CP-1", password),)):
        pass

    (shown,) = door.shown
    assert (shown.identity, shown.password, shown.tls, shown.certificate) == ("CP-1", password, False, None)


async def test_user_and_identity_are_compared_decoded(ground, door, autojump_clock):
    header = basic("Zürich 1".encode(), b"secret")
    async with ground.serve(authenticate=door), ground.connect("Z%C3%BCrich%201", headers=(header,)):
        pass

    assert door.shown[0].password == b"secret"


@pytest.mark.parametrize("header", [(), ((b"Authorization", b"Bearer abc"),)])
async def test_without_basic_there_is_no_password(ground, door, header, autojump_clock):
    async with ground.serve(authenticate=door), ground.connect(headers=header):
        pass

    assert door.shown[0].password is None
    assert [value for name, value in door.shown[0].headers if name == b"authorization"] == [h[1] for h in header]


@pytest.mark.parametrize(
    "headers",
    [
        (basic(b"CP-2", b"secret"),),
        (basic(b"cp-1", b"secret"),),
        (basic(b"CP-1 ", b"secret"),),
        (basic(b"", b"secret"),),
        ((b"Authorization", b"Basic c2VjcmV0"),),
        ((b"Authorization", b"Basic ???"),),
        (basic(b"CP-1", b"secret"), basic(b"CP-1", b"other")),
    ],
    ids=["another", "case", "space", "nobody", "no colon", "no base64", "two"],
)
async def test_a_header_that_is_wrong_is_401_whatever_the_authenticator_says(
    ground, door, headers, caplog, autojump_clock
):
    """It is asked all the same, so that it can count; the password is not shown to it."""
    caplog.set_level("DEBUG")
    async with ground.serve(authenticate=door) as server:
        with pytest.raises(HandshakeError) as refused:
            async with ground.connect(headers=headers):
                pytest.fail("it is let in")
        sessions = server.sessions

    assert (refused.value.status, sessions) == (401, {})
    (shown,) = door.shown
    assert (shown.password, shown.defect is None) == (None, False)
    assert ground.counters.value("handshake_failures", reason="refused") == 1
    assert ground.counters.value("security_events", kind="authentication_failure") == 1
    assert "secret" not in caplog.text + str(ground.timeline)
    assert "c2VjcmV0" not in caplog.text + str(ground.timeline)


@pytest.mark.parametrize(("status", "answered"), [(401, 401), (403, 401), (404, 401), (429, 429), (503, 503)])
async def test_a_wrong_header_is_told_to_who_is_refused_anyway(ground, status, answered, autojump_clock):
    """Except where it is for another time or for our own fault that it is refused."""

    async def refuse(credentials):
        return Refusal(status, "no")

    async with ground.serve(authenticate=refuse):
        stream = await ground.dial()
        await stream.send_all(ground.request("/CP-1", "Authorization: Basic Q1AtMjp4"))
        answer = await ground.read(stream)

    assert int(answer[9:12]) == answered
    assert answer.endswith(b"no" if answered == status != 401 else b"expected the identity of the path as user name")


async def test_users_that_are_not_the_identity_come_to_the_limit_of_attempts(ground, door, autojump_clock):
    async with ground.serve(authenticate=AttemptLimit(door, per_address=3)):
        statuses = []
        for number in range(5):
            with pytest.raises(HandshakeError) as refused:
                async with ground.connect(f"CP-{number}", headers=(basic(b"CP-X", b"secret"),)):
                    pass
            statuses.append(refused.value.status)

    assert statuses == [401, 401, 401, 429, 429]


async def test_nobody_looks_at_a_header_where_nobody_authenticates(ground, autojump_clock):
    async with (
        ground.serve(authenticate=None) as server,
        ground.connect(headers=(basic(b"somebody", b"secret"),)) as station,
    ):
        await station.boot()

        assert list(server.sessions) == ["CP-1"]


async def test_a_401_asks_for_basic(ground, autojump_clock):
    async def refuse(credentials):
        return Refusal(401)

    async with ground.serve(authenticate=refuse):
        stream = await ground.dial()
        await stream.send_all(ground.request())
        response = await ground.read(stream)

    assert response.startswith(b"HTTP/1.1 401 ")
    assert response.lower().count(b"www-authenticate: basic realm=") == 1


async def test_a_401_may_ask_for_something_else(ground, autojump_clock):
    async def refuse(credentials):
        return Refusal(401, headers=[(b"WWW-Authenticate", b"Bearer")])

    async with ground.serve(authenticate=refuse):
        stream = await ground.dial()
        await stream.send_all(ground.request())
        response = await ground.read(stream)

    assert response.lower().count(b"www-authenticate:") == 1
    assert b"Bearer" in response


async def test_a_certificate_is_shown_and_outweighs_a_bad_header(ground, door, pki, autojump_clock):
    context = pki.client(pki.station("SN-1"))
    async with ground.serve(authenticate=door, ssl_context=pki.server(client_ca=pki.ca_file)):
        for header in (basic(b"CP-1", b"secret"), basic(b"CP-2", b"secret")):
            stream = await secure_client(await ground.dial(), context, host=HOST, limits=Limits())
            async with open_client(
                stream, host="csms", resource="/CP-1", subprotocols=["ocpp1.6"], headers=[header], limits=Limits()
            ):
                pass

    assert [(shown.tls, shown.password) for shown in door.shown] == [(True, b"secret"), (True, None)]
    assert door.shown[0].certificate is not None
    assert door.shown[0].certificate.common_name == "SN-1"


def test_a_password_is_not_shown_by_accident():
    shown = Credentials(
        identity="CP-1",
        path="/CP-1",
        subprotocols=("ocpp1.6",),
        headers=((b"authorization", b"c2VjcmV0"),),
        peer="192.0.2.1:1",
        password=b"secret",
    )

    assert "secret" not in repr(shown)
    assert "c2VjcmV0" not in repr(shown)
