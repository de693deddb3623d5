"""Expressions that were found right before: they are compiled anew when they first run, as most of a gateway's never do."""

import hashlib
import importlib.util
import json
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, cast

from apim_policies.expressions.expression import Expression, compile_expression

_MOST = 4096
"""How many are remembered: those of some gateways."""
_UNUSED = 30 * 24 * 3600
"""Seconds after which what was remembered for another compiler is forgotten."""


class Known:
    """Remembers, in a file of the user's, which expressions this very compiler has taken, and which members they use.

    What is kept of an expression is a hash of its text. One that was refused is compiled again each time, for its error.
    """

    def __init__(self, folder: Path) -> None:
        """`folder`: where the file is, or will be. What cannot be read or written there is not remembered."""
        self._file = folder / f"expressions-{_compiler()}.json"
        self._members: dict[str, list[str]] = {}
        self._given: dict[str, Expression] = {}
        self._used: set[str] = set()
        self._new = False
        with suppress(OSError, ValueError):
            read: Any = json.loads(self._file.read_bytes())
            # Whoever wrote it may have been somebody else.
            if isinstance(read, dict) and all(isinstance(members, list) for members in cast("Any", read).values()):
                self._members = cast("dict[str, list[str]]", read)

    def compile(self, text: str, *, document: str = "", line: int = 1, column: int = 1) -> Expression:
        """As `compile_expression`.

        Raises:
            ExpressionError: as there.
        """
        if text in self._given:
            return self._given[text]
        key = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        if (members := self._members.get(key)) is not None:
            expression = Expression(text, frozenset(members), _later(text))
        else:
            expression = compile_expression(text, document=document, line=line, column=column)
            self._members[key] = sorted(expression.members)
            self._new = True
        self._used.add(key)
        if len(self._given) == _MOST:
            self._given.clear()
        self._given[text] = expression
        return expression

    def keep(self) -> None:
        """Writes down what is new; what has not been new for another compiler for long is forgotten."""
        if not self._new:
            return
        self._new = False
        # Those that nobody has used for long go first.
        ordered = [key for key in self._members if key not in self._used]
        ordered += [key for key in self._members if key in self._used]
        kept = {key: self._members[key] for key in ordered[-_MOST:]}
        with suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Only this user's; and another that starts now reads all of it or nothing.
            handle, path = tempfile.mkstemp(dir=self._file.parent, prefix=".expressions-")
            with os.fdopen(handle, "w", encoding="ascii") as file:
                json.dump(kept, file)
            Path(path).replace(self._file)
            for other in self._file.parent.glob("expressions-*.json"):
                # Of another version, or of another environment, which may start again any time.
                if other.stat().st_mtime < time.time() - _UNUSED:
                    other.unlink(missing_ok=True)


def _later(text: str) -> Callable[[], Expression]:
    return lambda: compile_expression(text)


@cache
def _compiler() -> str:
    """What tells one compiler from another: all that it is made of."""
    made = hashlib.sha256()
    for file in sorted(Path(__file__).parent.rglob("*.py")):
        made.update(file.read_bytes())
    for name in ("tree_sitter", "tree_sitter_c_sharp"):
        # Megabytes of compiled code: what is installed has other times and sizes when it is another.
        spec = importlib.util.find_spec(name)
        for file in sorted(Path(spec.origin or "").parent.iterdir()) if spec is not None else ():
            if file.is_file():
                made.update(f"{file.name} {file.stat().st_size} {file.stat().st_mtime_ns}".encode())
    return made.hexdigest()[:16]
