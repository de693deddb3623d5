"""Results of expressions for Python code."""


def to_text(value: object) -> str:
    """C# `ToString()` with the invariant culture: `True` for true, nothing for null."""
    raise NotImplementedError


def to_python(value: object) -> object:
    """Plain Python: int, float, Decimal, str, bytes, datetime, timedelta, UUID, list and dict (JSON too)."""
    raise NotImplementedError
