"""JSON-RPC messages of 2 MiB, of every shape that a reader may be slow at: those that pass the gateway, and those that it refuses."""

import json

MIB = 1 << 20


def tool_call(arguments: str, name: str = "hello_mcp") -> str:
    """The message of a call, with its arguments as they are."""
    return f'{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":{json.dumps(name)},"arguments":{arguments}}}}}'


def passing(size: int) -> dict[str, str]:
    """Messages of at most `size` bytes and over half of it, by shape, that pass."""
    arguments = {
        "quotes in a string": '{"x":"' + '\\"' * _times(2, size) + '"}',
        "backslashes": '{"x":"' + "\\\\" * _times(2, size) + '"}',
        "a text": '{"x":"' + "hello world " * _times(12, size) + '"}',
        "a text beyond ASCII": '{"x":"' + "\u4f60\u597d " * _times(7, size) + '"}',
        "emoji": '{"x":"' + "\U0001f600" * _times(4, size) + '"}',
        "escapes": '{"x":"' + "\\u00e9" * _times(6, size) + '"}',
        "surrogates": '{"x":"' + "\\ud83d\\ude00" * _times(12, size) + '"}',
        "numbers": '{"x":[' + "0," * _times(2, size) + "0]}",
        "long numbers": '{"x":[' + "-1234567.890123e-10," * _times(20, size) + "0]}",
        "literals": '{"x":[' + "null,true,false," * _times(16, size) + "0]}",
        "strings": '{"x":[' + '"",' * _times(3, size) + '""]}',
        "empty lists": '{"x":[' + "[]," * _times(3, size) + "0]}",
        "nested lists": '{"x":[' + ("[" * 60 + "]" * 60 + ",") * _times(121, size) + "0]}",
        "nested objects": '{"x":[' + ('{"a":' * 60 + "0" + "}" * 60 + ",") * _times(362, size) + "0]}",
        "members": '{"x":{' + ",".join(f'"{n}":0' for n in range(_times(12, size))) + "}}",
        "objects": '{"x":[' + ",".join('{"a":{}}' for _ in range(_times(9, size))) + "]}",
        "blanks": '{"x":' + " " * _times(1, size) + "0}",
    }
    return {shape: tool_call(text) for shape, text in arguments.items()}


def refused(size: int) -> dict[str, str]:
    """Messages of about `size` bytes, by shape, that are refused."""
    return {
        "an open string": '{"x":"' + '\\"' * _times(2, size),
        "open brackets": '{"x":' + "[" * _times(1, size),
        "open braces": '{"x":' + '{"x":' * _times(5, size),
        "quotes": '"' * _times(1, size),
        "colons": '{"x":' + ":" * _times(1, size),
        "one number": '{"x":' + "1" * _times(1, size) + "}",
        "blanks without end": '{"x":0' + " ," * _times(2, size),
        "members of the message": "{" + ",".join(f'"{n}":0' for n in range(_times(12, size))) + "}",
        "too deep at the end": tool_call('{"x":[' + "0," * _times(2, size) + "[" * 70 + "]" * 70 + "]}"),
    }


def _times(unit: int, size: int) -> int:
    """How often a text of so many bytes comes, beside what is around it."""
    return (size - 400) // unit


PASS, REFUSED = passing(2 * MIB), refused(2 * MIB)
