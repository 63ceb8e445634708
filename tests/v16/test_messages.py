"""What holds for every message of every profile."""

import ast
import inspect
import itertools
import json
import re
from typing import Any

import pytest

from ocpp_trio import v16
from ocpp_trio.v16 import enums, security_enums, types
from ocpp_trio.v16.version import version
from ocpp_trio.wire.codec import codec_of
from ocpp_trio.wire.message import Payload, Request, Response
from tests.v16.samples import COMPLETE, PAYLOADS, PROFILES, REQUESTS

codec = codec_of(version)


@pytest.mark.parametrize(("payload_type", "members"), COMPLETE, ids=[kind.__name__ for kind, _ in COMPLETE])
def test_a_complete_message_comes_back_member_for_member(payload_type: type[Payload], members: dict[str, Any]) -> None:
    text = json.dumps(members, separators=(",", ":")).encode()

    payload = codec.decode(payload_type, text)

    assert codec.encode(payload) == text
    assert all(getattr(payload, member.name) is not None for member in payload_type._shape.members)


def test_there_are_39_actions_and_each_of_their_messages_is_among_them() -> None:
    messages = [payload for payload in PAYLOADS if issubclass(payload, Request | Response)]

    assert len(REQUESTS) == 39
    assert [kind for kind, _ in COMPLETE if kind not in messages] == []
    assert len(COMPLETE) == len(messages) == 78


@pytest.mark.parametrize("request_type", REQUESTS, ids=lambda kind: kind.__name__)
def test_a_request_and_its_response_share_the_name_of_the_action(request_type: type[Request[Any, Any]]) -> None:
    assert request_type.__name__ == f"{request_type.action}Request"
    assert request_type.response.__name__ == f"{request_type.action}Response"
    assert request_type.response.__module__ == request_type.__module__


def test_every_message_belongs_to_somebody() -> None:
    requests = {*version.charge_point_requests, *version.csms_requests}
    responses = {request_type.response for request_type in requests}

    assert requests == set(REQUESTS)
    assert responses == {payload for payload in PAYLOADS if issubclass(payload, Response)}


@pytest.mark.parametrize("payload_type", PAYLOADS, ids=lambda kind: kind.__name__)
def test_every_class_says_where_it_is_specified(payload_type: type[Payload]) -> None:
    assert payload_type.__doc__ is not None
    assert re.search(r"\(sections? [\d., and]+\)\.", payload_type.__doc__)


@pytest.mark.parametrize("payload_type", PAYLOADS, ids=lambda kind: kind.__name__)
def test_every_text_with_a_limit_says_so(payload_type: type[Payload]) -> None:
    said = docstrings_of(payload_type)
    limits = {member.name: member.max_length for member in payload_type._shape.members if member.max_length}

    assert [
        name for name, limit in limits.items() if not re.search(rf"at most {limit}\b", said.get(name, ""), re.I)
    ] == []


def docstrings_of(payload_type: type[Payload]) -> dict[str, str]:
    """What is written under the fields of a class."""
    (tree,) = ast.parse(inspect.getsource(payload_type)).body
    assert isinstance(tree, ast.ClassDef)
    return {
        field.target.id: inspect.cleandoc(text.value.value)
        for field, text in itertools.pairwise(tree.body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant) and isinstance(text.value.value, str)
    }


def test_no_two_messages_claim_the_same_section() -> None:
    places = [
        (kind.__module__ == "ocpp_trio.v16.security", re.findall(r"[\d.]+(?=\))", kind.__doc__ or "")[-1])
        for kind in PAYLOADS
    ]

    assert len(places) == len(set(places))


def test_the_package_exports_every_message_type_and_enumeration() -> None:
    exported = {name for name, value in vars(v16).items() if inspect.isclass(value)}
    defined = {
        name
        for module in (*PROFILES, types, enums, security_enums)
        for name, value in vars(module).items()
        if inspect.isclass(value) and value.__module__ == module.__name__
    }

    assert exported == defined
    assert v16.version is version
