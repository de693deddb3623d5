"""The Python worker: a process of its own that loads the function app's code and runs its functions.

Run as a script in isolated mode, without this package: the code sees the modules that the platform's worker would show it,
and the environment that the host gives it. Speaks frames on standard input and output: four bytes of length, then JSON.
"""

import asyncio
import contextlib
import importlib
import inspect
import json
import logging
import os
import struct
import sys
import traceback
from pathlib import Path
from typing import Any, BinaryIO

_LENGTH = struct.Struct(">I")


def _write(output: BinaryIO, message: dict[str, Any]) -> None:
    content = json.dumps(message).encode()
    output.write(_LENGTH.pack(len(content)) + content)
    output.flush()


def _read(source: BinaryIO) -> dict[str, Any] | None:
    """The next message, or None when the host is gone."""
    head = source.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    return json.loads(source.read(_LENGTH.unpack(head)[0]))


def _load(folder: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The functions of the app as the host indexes them, and what to call.

    https://github.com/Azure/azure-functions-python-worker (loader.index_function_app)
    """
    sys.path.insert(0, str(folder))
    # What a package brings along, for the platform; what is installed here goes before it.
    sys.path.append(str(folder / ".python_packages" / "lib" / "site-packages"))
    import azure.functions as func  # noqa: PLC0415  (the app's own, from its path)

    module = importlib.import_module("function_app")
    apps = [
        value for value in vars(module).values() if isinstance(value, func.decorators.function_app.FunctionRegister)
    ]
    if len(apps) != 1:
        raise ValueError(f"function_app.py must have one FunctionApp at its top level; it has {len(apps)}")
    described: list[dict[str, Any]] = []
    callables: dict[str, Any] = {}
    for function in apps[0].get_functions():
        name = str(function.get_function_name())
        described.append({"name": name, "bindings": json.loads(function.get_function_json())["bindings"]})
        callables[name] = function.get_user_function()
    return described, callables


async def _invoke(function: Any, arguments: dict[str, Any]) -> str:
    if inspect.iscoroutinefunction(function):
        result = await function(**arguments)
    else:
        result = await asyncio.to_thread(function, **arguments)
    # As azure.functions encodes what a trigger function returns.
    return "" if result is None else str(result)


async def _serve(source: BinaryIO, output: BinaryIO, callables: dict[str, Any]) -> None:
    running: set[asyncio.Task[None]] = set()

    async def answer(message: dict[str, Any]) -> None:
        try:
            reply = {"result": await _invoke(callables[message["function"]], message["arguments"])}
        except Exception:  # the function's own failure, whatever it is
            reply = {"error": traceback.format_exc()}
        _write(output, {"id": message["id"], **reply})

    while (message := await asyncio.to_thread(_read, source)) is not None:
        task = asyncio.create_task(answer(message))
        running.add(task)
        task.add_done_callback(running.discard)


def main() -> None:
    """Serve until the host closes standard input."""
    # Whatever the code prints goes to standard error; standard output is the host's.
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    try:
        described, callables = _load(Path(sys.argv[1]))
    except BaseException:  # anything: it is the app's code that runs here
        _write(output, {"error": traceback.format_exc()})
        return
    _write(output, {"functions": described})
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        asyncio.run(_serve(sys.stdin.buffer, output, callables))


if __name__ == "__main__":
    main()
    # Threads of the code must not keep the process.
    sys.stderr.flush()
    os._exit(0)
