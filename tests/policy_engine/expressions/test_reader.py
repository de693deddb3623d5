"""The two readers of JSON, the quick one for what keeps to RFC 8259 and the lenient one, say the same."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apim_policies.expressions.newtonsoft import reader
from apim_policies.expressions.newtonsoft.tokens import JArray, JObject, JToken, JValue
from apim_policies.expressions.values.failures import CSharpException
from apim_policies.expressions.values.text import utf16

TEXTS = st.text(max_size=8) | st.sampled_from(
    ["2024-02-29T01:02:03Z", "2024-02-29T24:00:00", "2024-02-29T01:02:03.1234567+02:00", "/Date(1)/", "2024-02-29", ""]
)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda children: st.lists(children, max_size=4) | st.dictionaries(TEXTS, children, max_size=4),
    max_leaves=12,
)


def shape(token: JToken) -> object:
    """Everything that can be told of a token."""
    match token:
        case JObject():
            return {name: shape(part.value) for name, part in token.properties.items()}
        case JArray():
            return [shape(item) for item in token.items]
        case JValue():
            return token.kind, repr(token.value)
        case _:
            raise AssertionError(token)


def leniently(text: str) -> object:
    return shape(reader._Reader(text).document())  # pyright: ignore[reportPrivateUsage]


@given(PLAIN)
def test_plain_json_is_read_alike(value: object) -> None:
    # Half a surrogate cannot come from UTF-8, and texts hold code units.
    text = utf16(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace").decode())
    quick = reader.strictly(text)
    assert quick is None or shape(quick) == leniently(text)


@pytest.mark.parametrize(
    "text",
    [
        r'{"caf\u00e9":"\u00e9\ud83d\ude00\\u0041"}',
        r'["\\ud800 is no escape"]',
        "[" * 64 + "1" + "]" * 64,
        '["' + "[" * 80 + '"]',
        '"' + "{" * 80 + '"',
    ],
)
def test_escapes_and_depth_are_read_alike(text: str) -> None:
    quick = reader.strictly(text)
    assert quick is not None
    assert shape(quick) == leniently(text)


@pytest.mark.parametrize(
    "text", ["1" * 381, "[" + "1" * 3_000_000 + "]", "[" * 65 + "]" * 65, "[" * 64 + "{}" + "]" * 64]
)
def test_what_is_too_large_or_too_deep_is_refused_at_once(text: str) -> None:
    start = time.process_time()
    with pytest.raises(CSharpException, match=r"too large|MaxDepth"):
        reader.parse(text)
    assert time.process_time() - start < 1


@pytest.mark.parametrize(
    "text", ['{"a":1,"b":2,"a":3}', '{"a":null,"a":null}', "-0", "-0.0", "1e400", "[ ]", " {\t} \n", "1E5"]
)
def test_what_json_leaves_open_is_read_alike(text: str) -> None:
    quick = reader.strictly(text)
    assert quick is not None
    assert shape(quick) == leniently(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{a:1}",
        "{'a':1}",
        "[1,]",
        "/* */1",
        "NaN",
        "-Infinity",
        "01",
        "+1",
        "1 2",
        '"\\ud800"',
        '"\\ud800\\ud800\\udc00"',
        r'"\\\ude00\ud83d"',
        '"a\nb"',
        "[" * 80 + "]" * 80,
    ],
)
def test_the_rest_is_for_the_lenient_reader(text: str) -> None:
    assert reader.strictly(text) is None
