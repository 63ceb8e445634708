"""The frame around a payload: what is read, what is refused and under which id, what is written."""

import json
import string
from collections.abc import Callable, Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ocpp_trio.wire.frames import (
    Call,
    CallError,
    CallResult,
    Frame,
    FrameError,
    _parse_leniently,
    dump_call,
    dump_error,
    dump_result,
    parse_frame,
)


def refusal(text: str) -> FrameError:
    with pytest.raises(FrameError) as caught:
        parse_frame(text)
    return caught.value


def test_a_call_keeps_its_payload_as_text() -> None:
    assert parse_frame('[2,"i-1","Heartbeat",{"a": [1]}]') == Call("i-1", "Heartbeat", b'{"a": [1]}')


def test_a_call_result_is_read() -> None:
    assert parse_frame('[3,"i-1",{"a":1}]') == CallResult("i-1", b'{"a":1}')


def test_a_call_error_is_read() -> None:
    frame = parse_frame('[4,"i-1","GenericError","no luck",{"a":[1,null]}]')

    assert frame == CallError("i-1", "GenericError", "no luck", {"a": [1, None]})


def test_white_space_between_elements_is_allowed() -> None:
    assert parse_frame(' [ 2 ,\n"i" , "Heartbeat"\t, {} ] ') == Call("i", "Heartbeat", b"{}")


def test_an_array_of_nothing_is_refused() -> None:
    error = refusal("[]")

    assert error.description == "expected message type 2, 3 or 4, found nothing"
    assert (error.call_id, error.reply_id) == (None, None)


@pytest.mark.parametrize(
    "kind", ["0", "1", "5", "6", "-2", "2.0", "3.0", "2e0", "22", '"2"', "null", "true", "[]", "{}", "9" * 5000]
)
def test_a_message_type_that_is_not_the_integer_2_3_or_4_cannot_be_answered(kind: str) -> None:
    error = refusal(f'[{kind},"i","Heartbeat",{{}}]')

    assert error.description.startswith("expected message type 2, 3 or 4, found b'")
    assert len(error.description) < 100
    assert (error.call_id, error.reply_id) == (None, None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        '"23"',
        "23",
        "null",
        "true",
        '{"messageTypeId":2}',
        '[2,"i","Heartbeat",{}',
        '[2,"i","Heartbeat",{}]]',
        '[2,"i","Heartbeat",{}] tail',
        '[2,"i","Heartbeat",{},]',
        "[2,'i','Heartbeat',{}]",
        '\ufeff[2,"i","Heartbeat",{}]',
        '[2,"i","Heartbeat",{"a":NaN}]',
        '[2,"i","Heartbeat",{"a":Infinity}]',
        '[2,"i","Heartbeat",{"a":-Infinity}]',
        '[2,"i","Heartbeat",{"a":01}]',
        '[2,"i","Heartbeat",{"a":"\n"}]',
    ],
)
def test_text_that_is_not_a_json_array_cannot_be_answered(text: str) -> None:
    error = refusal(text)

    assert error.description.startswith("expected a JSON array, found text that is none")
    assert (error.call_id, error.reply_id) == (None, None)


@pytest.mark.parametrize("text", ["[" * 100_000, "[" * 100_000 + "]" * 100_000, '[2,"i","A",' + '{"a":' * 100_000])
def test_deep_nesting_is_refused_and_not_a_crash(text: str) -> None:
    assert refusal(text).call_id is None


@pytest.mark.parametrize("text", ['[2,"%s","A",{}]', '[2,"i","A",{"a":"%s"}]', '[3,"%s",{}]'])
@pytest.mark.parametrize("half", ["\\ud800", "\\udc00", "\ud800", "\\ud800x"])
def test_half_a_surrogate_pair_anywhere_makes_the_text_unreadable(text: str, half: str) -> None:
    """No id can be recovered: one that holds such a half could not be echoed in UTF-8."""
    error = refusal(text % half)

    assert (error.call_id, error.reply_id) == (None, None)


def test_a_whole_surrogate_pair_is_one_character() -> None:
    assert parse_frame('[3,"\\ud83d\\ude00",{}]') == CallResult("\U0001f600", b"{}")


@pytest.mark.parametrize("message_id", ["17", "1.5", "true", "null", "[]", '["i"]', "{}", '{"i":1}', '""'])
@pytest.mark.parametrize("rest", ['2,%s,"Heartbeat",{}', "3,%s,{}", '4,%s,"GenericError","",{}', "2,%s", "3,%s"])
def test_an_id_that_is_not_a_string_with_something_in_it_cannot_be_answered(message_id: str, rest: str) -> None:
    error = refusal(f"[{rest % message_id}]")

    assert "non-empty string as message id" in error.description
    assert (error.call_id, error.reply_id) == (None, None)


@pytest.mark.parametrize("text", ["[2]", "[3]", "[4]"])
def test_a_frame_without_id_cannot_be_answered(text: str) -> None:
    error = refusal(text)

    assert (error.call_id, error.reply_id) == (None, None)


def test_an_id_of_36_characters_is_allowed() -> None:
    assert parse_frame(f'[2,"{"é" * 36}","Heartbeat",{{}}]') == Call("é" * 36, "Heartbeat", b"{}")


def test_an_id_of_37_characters_is_refused_under_that_id() -> None:
    """OCPP-J 1.6 section 4.1.4 limits the id; the answer echoes what came."""
    error = refusal(f'[2,"{"x" * 37}","Heartbeat",{{}}]')

    assert error.call_id == "x" * 37
    assert error.description == "expected a message id of at most 36 characters, found 37"


def test_a_long_id_wins_over_later_defects() -> None:
    assert "37" in refusal(f'[2,"{"x" * 37}",5]').description


@pytest.mark.parametrize(("text", "count"), [('[2,"i"]', 2), ('[2,"i","A"]', 3), ('[2,"i","A",{},{}]', 5)])
def test_a_call_of_a_wrong_number_of_elements_is_refused_under_its_id(text: str, count: int) -> None:
    error = refusal(text)

    assert error.call_id == "i"
    assert error.description == f"expected a CALL of 4 elements, found {count}"


@pytest.mark.parametrize("action", ["5", "null", "[]", "{}"])
def test_an_action_that_is_not_a_string_is_refused_under_the_id(action: str) -> None:
    error = refusal(f'[2,"i",{action},{{}}]')

    assert (error.call_id, error.reply_id) == ("i", None)
    assert error.description == "expected a string as action"


@pytest.mark.parametrize("payload", ["5", '"{}"', "[]", "true"])
def test_a_payload_that_is_not_an_object_is_refused_under_the_id(payload: str) -> None:
    error = refusal(f'[2,"i","A",{payload}]')

    assert (error.call_id, error.reply_id) == ("i", None)
    assert error.description == "expected an object as payload"


def test_a_null_payload_counts_as_an_empty_one() -> None:
    assert parse_frame('[2,"i","Heartbeat",null]') == Call("i", "Heartbeat", b"{}")
    assert parse_frame('[3,"i",null]') == CallResult("i", b"{}")
    assert parse_frame('[4,"i","GenericError","",null]') == CallError("i", "GenericError", "", {})


def test_a_number_of_5000_digits_is_left_to_the_codec() -> None:
    digits = "9" * 5000

    assert parse_frame(f'[2,"i","A",{{"a":{digits}}}]') == Call("i", "A", b'{"a":%b}' % digits.encode())


@pytest.mark.parametrize("rest", ["", ',"x"', ",[]", ",5", ",{},{}"])
def test_a_malformed_result_names_its_id_and_is_not_to_be_answered(rest: str) -> None:
    error = refusal(f'[3,"i"{rest}]')

    assert (error.call_id, error.reply_id) == (None, "i")


def test_a_call_error_may_leave_out_details_and_description() -> None:
    assert parse_frame('[4,"i","GenericError","no luck"]') == CallError("i", "GenericError", "no luck", {})
    assert parse_frame('[4,"i","GenericError"]') == CallError("i", "GenericError", "", {})


@pytest.mark.parametrize(
    "rest", ["", ",5", ",null", ',"C",5', ',"C",null,{}', ',"C","d",[]', ',"C","d","x"', ',"C","d",{},{}']
)
def test_a_malformed_error_names_its_id_and_is_not_to_be_answered(rest: str) -> None:
    error = refusal(f'[4,"i"{rest}]')

    assert error.description == "expected a CALLERROR of code, description and details"
    assert (error.call_id, error.reply_id) == (None, "i")


@pytest.mark.parametrize("number", ["9" * 5000, "1e999"])
def test_error_details_with_a_number_beyond_all_measure_are_refused(number: str) -> None:
    error = refusal(f'[4,"i","C","d",{{"a":{number}}}]')

    assert error.description.startswith("expected readable error details")
    assert (error.call_id, error.reply_id) == (None, "i")


def test_the_last_of_duplicate_error_details_wins() -> None:
    frame = parse_frame('[4,"i","C","d",{"a":1,"a":2}]')

    assert isinstance(frame, CallError)
    assert frame.details == {"a": 2}


def test_frames_are_written_compactly() -> None:
    assert dump_call("i", "A", b'{"a":1}') == '[2,"i","A",{"a":1}]'
    assert dump_result("i", b"{}") == '[3,"i",{}]'
    assert dump_error(CallError("i", "C", "d", {"a": [1]})) == '[4,"i","C","d",{"a":[1]}]'
    assert dump_error(CallError("i", "C")) == '[4,"i","C","",{}]'


def test_ids_actions_and_descriptions_are_escaped() -> None:
    odd = '"\\\n\x00é\U0001f600'

    assert json.loads(dump_call(odd, odd, b"{}")) == [2, odd, odd, {}]
    assert json.loads(dump_result(odd, b"{}")) == [3, odd, {}]
    assert json.loads(dump_error(CallError(odd, odd, odd))) == [4, odd, odd, odd, {}]


def test_a_description_is_cut_to_255_characters() -> None:
    kind, _, _, description, _ = json.loads(dump_error(CallError("i", "C", "é" * 300)))

    assert kind == 4
    assert description == "é" * 255


def test_text_that_utf_8_cannot_carry_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="surrogates"):
        dump_call("\ud800", "A", b"{}")
    with pytest.raises(ValueError, match="surrogates"):
        dump_error(CallError("i", "C", "d", {"a": "\ud800"}))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=10,
)
texts = st.text(st.characters(exclude_categories=["Cs"]))
objects = st.dictionaries(texts, texts | st.integers(), max_size=3)
frames = st.one_of(
    st.builds(
        Call,
        message_id=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=36),
        action=texts,
        payload=objects.map(lambda members: json.dumps(members).encode()),
    ),
    st.builds(
        CallResult,
        message_id=texts.filter(bool),
        payload=objects.map(lambda members: json.dumps(members).encode()),
    ),
    st.builds(
        CallError,
        message_id=texts.filter(bool),
        code=texts,
        description=st.text(st.characters(exclude_categories=["Cs"]), max_size=255),
        details=objects,
    ),
)


def dumped(frame: Call | CallResult | CallError) -> str:
    if isinstance(frame, Call):
        return dump_call(frame.message_id, frame.action, frame.payload)
    if isinstance(frame, CallResult):
        return dump_result(frame.message_id, frame.payload)
    return dump_error(frame)


def only_frames_or_frame_errors(text: str) -> None:
    try:
        frame = parse_frame(text)
    except FrameError as error:
        assert error.call_id is None or error.reply_id is None
    else:
        assert isinstance(frame, Call | CallResult | CallError)
        assert frame.message_id


@given(frames)
def test_what_is_written_reads_back(frame: Call | CallResult | CallError) -> None:
    assert parse_frame(dumped(frame)) == frame


@given(st.text(st.characters()))
def test_no_text_raises_anything_but_a_frame_error(text: str) -> None:
    only_frames_or_frame_errors(text)


@given(st.text(alphabet='[]{},:"\\2345.-eEu' + string.whitespace, max_size=40))
def test_no_heap_of_json_punctuation_raises_anything_but_a_frame_error(text: str) -> None:
    only_frames_or_frame_errors(text)


@given(st.lists(json_values, max_size=6), st.sampled_from([None, 2, 3, 4]))
def test_no_json_array_raises_anything_but_a_frame_error(elements: list[object], kind: int | None) -> None:
    only_frames_or_frame_errors(json.dumps(elements if kind is None else [kind, *elements]))


@settings(max_examples=300)
@given(frames, st.data())
def test_no_damaged_frame_raises_anything_but_a_frame_error(
    frame: Call | CallResult | CallError, data: st.DataObject
) -> None:
    text = dumped(frame)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(start + 5, len(text))))
    patch = data.draw(st.text(alphabet='[]{},:"\\0129eE\ud800 ', max_size=3))

    only_frames_or_frame_errors(text[:start] + patch + text[end:])


def outcome(parse: Callable[[str], Frame], text: str) -> object:
    """The frame, or everything that the error says."""
    try:
        return parse(text)
    except FrameError as error:
        return error.description, error.call_id, error.reply_id


ODD_KINDS = ["2", "3", "4", "2.0", "02", "2e0", '"2"', "null", "5"]
ODD_IDS = [
    '""',
    '"a"',
    '"\\u0061"',
    *(f'"{c * n}"' for c in ("x", "é", "😀", "\\ud83d\\ude00") for n in (36, 37)),
    "1",
    "null",
]
ODD_ELEMENTS = [
    '"A"',
    '"\\u0041"',
    "{}",
    "null",
    "[]",
    "7",
    '"{}"',
    '{"a":1,"a":2}',
    '{"a":NaN}',
    '{"a":01}',
    "{",
    '{"a":' + "9" * 400 + "}",
    "{}{}",
]
SPACES = st.sampled_from(["", "", " ", "\n\t", "\ufeff", "\u00a0"])


@settings(max_examples=300)
@example("2", '""', ['"A"', "{}"], "")
@example("2", f'"{"x" * 37}"', ['"A"', "{}"], "")
@example("2", '"i"', ['"A"', "{}", "{}"], "")
@example("3", '"i"', ["{}", "{}"], "")
@example("2", '"i"', ['"A"', "null"], "")
@given(
    st.sampled_from(ODD_KINDS),
    st.sampled_from(ODD_IDS),
    st.lists(st.sampled_from(ODD_ELEMENTS), max_size=3) | st.tuples(st.just('"A"'), st.sampled_from(ODD_ELEMENTS)),
    SPACES,
)
def test_what_is_read_in_one_go_is_what_piece_by_piece_would_be(
    kind: str, message_id: str, rest: Sequence[str], space: str
) -> None:
    text = f"{space}[{f'{space},{space}'.join([kind, message_id, *rest])}]{space}"

    assert outcome(parse_frame, text) == outcome(_parse_leniently, text)


@given(frames, st.sampled_from(["", " ", "\n\t"]))
def test_a_frame_is_the_same_read_in_one_go_or_piece_by_piece(frame: Frame, space: str) -> None:
    text = dumped(frame).replace(",", f"{space},{space}", 1)

    assert parse_frame(text) == _parse_leniently(text) == frame
