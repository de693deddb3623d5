"""JSON-RPC messages of 2 MiB, of every shape that a reader may be slow at: those that pass the gateway, and those that it refuses."""

import json

MIB = 1 << 20


def tool_call(arguments: str, name: str = "hello_mcp") -> str:
    """The message of a call, with its arguments as they are."""
    return f'{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":{json.dumps(name)},"arguments":{arguments}}}}}'


_ARGUMENTS = {
    "quotes in a string": '{"x":"' + '\\"' * (MIB - 100) + '"}',
    "backslashes": '{"x":"' + "\\\\" * (MIB - 100) + '"}',
    "a text": '{"x":"' + "hello world " * (MIB // 6 - 20) + '"}',
    "a text beyond ASCII": '{"x":"' + "\u4f60\u597d " * (MIB * 2 // 7 - 20) + '"}',
    "emoji": '{"x":"' + "\U0001f600" * (MIB // 2 - 100) + '"}',
    "escapes": '{"x":"' + "\\u00e9" * (MIB // 3 - 100) + '"}',
    "surrogates": '{"x":"' + "\\ud83d\\ude00" * (MIB // 6 - 100) + '"}',
    "numbers": '{"x":[' + "0," * (MIB - 100) + "0]}",
    "long numbers": '{"x":[' + "-1234567.890123e-10," * (MIB // 10 - 100) + "0]}",
    "literals": '{"x":[' + "null,true,false," * (MIB // 8 - 100) + "0]}",
    "strings": '{"x":[' + '"",' * (MIB * 2 // 3 - 100) + '""]}',
    "empty lists": '{"x":[' + "[]," * (MIB * 2 // 3 - 100) + "0]}",
    "nested lists": '{"x":[' + ("[" * 60 + "]" * 60 + ",") * (MIB * 2 // 121 - 10) + "0]}",
    "nested objects": '{"x":[' + ('{"a":' * 60 + "0" + "}" * 60 + ",") * (MIB * 2 // 362 - 10) + "0]}",
    "members": '{"x":{' + ",".join(f'"{n}":0' for n in range(MIB // 6)) + "}}",
    "objects": '{"x":[' + ",".join('{"a":{}}' for _ in range(MIB * 2 // 9 - 100)) + "]}",
    "blanks": '{"x":' + " " * (2 * MIB - 200) + "0}",
}
PASS = {shape: tool_call(arguments) for shape, arguments in _ARGUMENTS.items()}
REFUSED = {
    "an open string": '{"x":"' + '\\"' * (MIB - 100),
    "open brackets": '{"x":' + "[" * (2 * MIB - 200),
    "open braces": '{"x":' + '{"x":' * (MIB // 3),
    "quotes": '"' * (2 * MIB - 200),
    "colons": '{"x":' + ":" * (2 * MIB - 200),
    "one number": '{"x":' + "1" * (2 * MIB - 200) + "}",
    "blanks without end": '{"x":0' + " ," * (MIB - 200),
    "members of the message": "{" + ",".join(f'"{n}":0' for n in range(MIB // 6)) + "}",
    "too deep at the end": tool_call('{"x":[' + "0," * (MIB - 200) + "[" * 70 + "]" * 70 + "]}"),
}
