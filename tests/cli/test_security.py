"""TLS and passwords on the command line: options that go together, files, and a fleet of one behind each of them."""

import signal
import ssl
import stat
from pathlib import Path
from typing import Any

import pytest
import trio

from ocpp_trio import PasswordHashes
from ocpp_trio.cli import certs, csms, main, password, station
from ocpp_trio.cli.security import ServerSecurity, StationSecurity, key_of
from tests.cli.test_commands import CSMS, Codes, number_in

DIGITS = "000102030405060708090A0B0C0D0E0F10111213"


@pytest.fixture
def own_logging(monkeypatch):
    """The commands configure the root logger, which here is pytest's."""
    monkeypatch.setattr("ocpp_trio.cli.terminal.logging.basicConfig", lambda **options: None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: Any) -> Path:
    """What `ocpp-trio certs` and `ocpp-trio password` make."""
    folder: Path = tmp_path_factory.mktemp("files") / "certificates"
    assert main(["certs", str(folder), "--host", "127.0.0.1", "--identity", "CP-1"]) == 0
    return folder


@pytest.mark.parametrize(
    ("text", "key"),
    [
        (DIGITS, bytes(range(20))),
        (DIGITS.lower(), bytes(range(20))),
        (DIGITS[:32], bytes(range(16))),
        ("ABCDEFGHIJKLMNOP", b"ABCDEFGHIJKLMNOP"),
        ("0123456789abcdef0123", b"0123456789abcdef0123"),
    ],
)
def test_a_key_is_digits_or_short_text(text, key):
    assert key_of(text) == key


@pytest.mark.parametrize("text", ["", "secret", DIGITS[:30], DIGITS + "00", DIGITS[:33], "x" * 32, "é" * 16])
def test_anything_else_is_no_key_and_is_not_shown(text):
    with pytest.raises(ValueError, match="expected a password of 32 to 40 hexadecimal digits") as wrong:
        key_of(text)

    assert not text or text not in str(wrong.value)


def test_a_password_is_not_shown():
    assert DIGITS not in repr(StationSecurity(password=DIGITS))


def test_a_line_for_the_file_lets_its_key_in(screen, tmp_path):
    assert password.run(screen, "CP-1", password=DIGITS) == 0

    (line,) = screen.out.getvalue().splitlines()
    (tmp_path / "passwords").write_text(line)
    assert line.startswith("CP-1:$scrypt-sha256$")
    assert DIGITS not in screen.out.getvalue() + screen.err.getvalue()
    PasswordHashes.of_file(tmp_path / "passwords")


def test_a_new_key_is_told_apart_from_the_line(screen):
    assert password.run(screen, "CP-1", password=None) == 0

    digits = screen.err.getvalue().split()[-1]
    assert len(bytes.fromhex(digits)) == 20
    assert digits not in screen.out.getvalue()


@pytest.mark.parametrize(("identity", "key"), [("a:b", DIGITS), ("", DIGITS), (" CP-1", DIGITS), ("CP-1", "secret")])
def test_what_makes_no_line(screen, identity, key):
    assert password.run(screen, identity, password=key) == 2

    assert screen.out.getvalue() == ""
    assert screen.err.getvalue().count("\n") == 1
    assert key not in screen.err.getvalue()


def test_certificates_are_files_and_keys_are_the_owners(folder):
    assert {path.name for path in folder.iterdir()} == {
        "ca.pem",
        "server.pem",
        "server.key",
        "client.pem",
        "client.key",
    }
    assert stat.S_IMODE((folder / "server.key").stat().st_mode) == 0o600


def test_a_ca_is_not_replaced_by_accident(folder, screen):
    before = (folder / "ca.pem").read_bytes()

    assert certs.run(screen, folder, hosts=["localhost"], identity="CP-1") == 1

    assert "expected a folder without ca.pem" in screen.err.getvalue()
    assert (folder / "ca.pem").read_bytes() == before


def test_a_host_that_no_certificate_can_have_is_one_line(screen, tmp_path):
    assert certs.run(screen, tmp_path / "new", hosts=["a" * 300], identity="CP-1") == 1

    assert screen.err.getvalue().startswith("ocpp-trio: cannot make certificates: ")
    assert screen.err.getvalue().count("\n") == 1


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        ({"tls_cert": "server.pem"}, "expected --tls-key beside --tls-cert"),
        ({"tls_key": "server.key"}, "expected --tls-cert beside --tls-key"),
        ({"client_ca": "ca.pem"}, "expected --tls-cert and --tls-key beside --client-ca"),
        ({"client_ca": "ca.pem", "tls_key": "server.key"}, "expected --tls-cert beside --tls-key and --client-ca"),
        (
            {"tls_cert": "missing", "tls_key": "server.key"},
            "cannot read --tls-cert FOLDER/missing: No such file or directory",
        ),
        (
            {"tls_cert": "server.pem", "tls_key": "missing"},
            "cannot read --tls-key FOLDER/missing: No such file or directory",
        ),
        (
            {"tls_cert": "server.pem", "tls_key": "client.key"},
            "cannot use --tls-cert FOLDER/server.pem with --tls-key FOLDER/client.key: key values mismatch",
        ),
        (
            {"tls_cert": "server.pem", "tls_key": "server.key", "client_ca": "server.key"},
            "cannot use --client-ca FOLDER/server.key: no certificate or crl found",
        ),
        ({"passwords": "missing"}, "cannot read --passwords FOLDER/missing: No such file or directory"),
        ({"passwords": "."}, "cannot read --passwords FOLDER: Is a directory"),
        ({"passwords": "ca.pem"}, "cannot use --passwords FOLDER/ca.pem: line 1: expected identity:hash"),
        ({"passwords": "binary"}, "cannot use --passwords FOLDER/binary: expected UTF-8 text"),
    ],
)
async def test_options_that_do_not_fit_are_one_line_and_exit_code_2(screen, folder, options, wrong):
    (folder / "binary").write_bytes(b"\xff\xfe")
    security = ServerSecurity(**{name: folder / file for name, file in options.items()})

    assert await csms.run(screen, **CSMS, security=security) == 2

    assert screen.err.getvalue() == f"ocpp-trio: {wrong.replace('FOLDER', str(folder))}\n"


@pytest.mark.parametrize(
    ("url", "options", "wrong"),
    [
        ("wss://127.0.0.1:9", {"key": "client.key"}, "expected --cert beside --key"),
        ("wss://127.0.0.1:9", {"ca": "missing"}, "cannot read --ca FOLDER/missing: No such file or directory"),
        ("wss://127.0.0.1:9", {"ca": "client.key"}, "cannot use --ca FOLDER/client.key: no certificate or crl found"),
        (
            "wss://127.0.0.1:9",
            {"cert": "server.pem"},
            "cannot use --cert FOLDER/server.pem: expected a private key in it, or --key beside it",
        ),
        ("wss://127.0.0.1:9", {"cert": "missing"}, "cannot read --cert FOLDER/missing: No such file or directory"),
        (
            "wss://127.0.0.1:9",
            {"cert": "client.pem", "key": "server.key"},
            "cannot use --cert FOLDER/client.pem with --key FOLDER/server.key: key values mismatch",
        ),
        ("ws://127.0.0.1:9", {"ca": "ca.pem"}, "expected a wss:// URL with --ca, found a ws:// URL"),
        (
            "ws://127.0.0.1:9",
            {"ca": "missing", "cert": "client.pem", "key": "client.key"},
            "expected a wss:// URL with --ca, --cert and --key, found a ws:// URL",
        ),
    ],
)
@pytest.mark.usefixtures("own_logging")
async def test_a_stations_options_that_do_not_fit(screen, folder, url, options, wrong):
    security = StationSecurity(**{name: folder / file for name, file in options.items()})

    assert await station.run(screen, url, "CP-1", start=None, security=security, verbose=False) == 2

    assert screen.err.getvalue() == f"ocpp-trio: {wrong.replace('FOLDER', str(folder))}\n"


async def test_both_ways_in_make_a_certificate_optional(folder, tmp_path, screen):
    password.run(screen, "CP-1", password=DIGITS)
    (tmp_path / "passwords").write_text(screen.out.getvalue())
    certificates = {"tls_cert": folder / "server.pem", "tls_key": folder / "server.key", "client_ca": folder / "ca.pem"}

    only, both = ServerSecurity(**certificates), ServerSecurity(**certificates, passwords=tmp_path / "passwords")

    contexts = [security.context() for security in (only, both)]
    assert [context and context.verify_mode for context in contexts] == [ssl.CERT_REQUIRED, ssl.CERT_OPTIONAL]
    assert None not in (only.authenticator(), both.authenticator())
    assert ServerSecurity().authenticator() is None


@pytest.mark.real
@pytest.mark.usefixtures("own_logging")
@pytest.mark.parametrize("shows", ["password", "certificate", "nothing"])
async def test_a_station_at_a_csms_with_tls(folder, tmp_path, screen, run_command, shows, monkeypatch):
    monkeypatch.setenv("OCPP_TRIO_PASSWORD", DIGITS if shows == "password" else "")
    if shows != "password":
        monkeypatch.delenv("OCPP_TRIO_PASSWORD")
    password.run(screen, "CP-1", password=DIGITS)
    (tmp_path / "passwords").write_text(screen.out.getvalue())
    security = ServerSecurity(
        tls_cert=folder / "server.pem",
        tls_key=folder / "server.key",
        client_ca=folder / "ca.pem",
        passwords=tmp_path / "passwords",
    )
    certificate = ["--cert", str(folder / "client.pem"), "--key", str(folder / "client.key")]
    codes = Codes()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(codes.keep, "csms", csms.run(screen, **CSMS, security=security))
        port = number_in(await screen.wait_for("listening on"))
        arguments = ["station", f"wss://127.0.0.1:{port}/ocpp", "CP-1", "--ca", str(folder / "ca.pem"), "-v"]
        async with run_command(*arguments, *(certificate if shows == "certificate" else [])) as process:
            await process.wait_for("backing_off" if shows == "nothing" else "online")
            process.process.send_signal(signal.SIGTERM)
            assert await process.finish() == 143
        signal.raise_signal(signal.SIGTERM)

    assert codes == {"csms": 143}
    assert ("HTTP status 401" in process.output) is (shows == "nothing")
    for secret in (DIGITS, "Q1AtMTo", "AAECAwQF"):
        assert secret not in process.output + screen.err.getvalue()
