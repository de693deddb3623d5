"""Mistakes in somebody's own code: one message, with the line that they can edit on top."""

import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_FOREIGN = ("site-packages", "dist-packages")


@dataclass(frozen=True)
class Mistake:
    """What was raised, and each line that led to it, the innermost last."""

    kind: str
    """Name of the exception's class."""
    message: str
    lines: Sequence[tuple[str, int, str]]
    """File, line (from 1) and its text."""
    missing: str = ""
    """The module that could not be found, if that is what it is."""

    @classmethod
    def of(cls, error: BaseException) -> "Mistake":
        """What an exception says of itself."""
        lines = [
            (frame.filename, frame.lineno or 0, frame.line or "") for frame in traceback.extract_tb(error.__traceback__)
        ]
        try:
            message = str(error)
        except Exception:  # somebody's own exceptions may be anything
            message = "<exception str() failed>"
        # Mistakes of syntax, in Python as in a template, have a place that never ran.
        file, line = getattr(error, "filename", None), getattr(error, "lineno", None)
        if isinstance(file, str) and isinstance(line, int):
            message = str(getattr(error, "msg", None) or getattr(error, "message", None) or error)
            lines.append((file, line, str(getattr(error, "text", None) or "")))
        missing = str(error.name or "") if isinstance(error, ModuleNotFoundError) else ""
        return cls(type(error).__name__, message, lines, missing)

    @classmethod
    def parsed(cls, said: Mapping[str, Any]) -> "Mistake":
        """The same from another process, as JSON with these names."""
        lines = [(str(file), int(line), str(text)) for file, line, text in said["lines"]]
        return cls(str(said["kind"]), str(said["message"]), lines, str(said["missing"]))

    def told(self, folder: Path, shown: Path | None = None, hint: str = "") -> str:
        """Place, kind, message, and the line itself.

        Args:
            folder: Whose lines are the author's own; what is installed below it is not.
            shown: What that folder is called, where it is a copy of this one.
            hint: What can be done.
        """
        said = f"{self.kind}: {self.message}" if self.message else self.kind
        if shown is not None:
            said = said.replace(str(folder), str(near(shown)))
        own = [one for one in self.lines if _inside(one[0], folder)]
        if not own:
            return f"{said}{hint and f'. {hint}'}"
        file, line, text = own[-1]
        path = (shown or folder) / Path(file).relative_to(folder)
        text = text.strip() or _line(Path(file), line)
        return f"{near(path)}:{line}: {said}{hint and f'. {hint}'}" + (f"\n    {text}" if text else "")


def _inside(file: str, folder: Path) -> bool:
    path = Path(file)
    return path.is_relative_to(folder) and not any(part in _FOREIGN for part in path.relative_to(folder).parts)


def _line(file: Path, number: int) -> str:
    try:
        return file.read_text(encoding="utf-8").splitlines()[number - 1].strip()
    except (OSError, ValueError, IndexError):
        return ""


def near(path: Path) -> Path:
    """As somebody in the present folder would write it."""
    try:
        here = Path.cwd()
    except FileNotFoundError:  # somebody has removed it
        return path
    return path.relative_to(here) if path.is_relative_to(here) else path
