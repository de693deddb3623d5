"""Our answers beside C#'s."""

from typing import Any

from apim_policies.expressions.trial.answers import Answerer

_HUGE = "characters or items at once"


def evaluated(answerer: Answerer, text: str, changes: dict[str, Any] | None = None) -> dict[str, Any]:
    """Our answer; `fault` if the local cloud itself fails."""
    try:
        return answerer.answer(text, changes or {})
    except Exception as error:
        return {"fault": repr(error)}


def too_large(ours: dict[str, Any]) -> bool:
    """Whether an expression was refused for its size: it could exhaust the memory of .NET."""
    return _HUGE in str(ours)


def wrong(ours: dict[str, Any], real: dict[str, Any]) -> bool:
    """Whether an answer is another than C#'s: what is refused is none."""
    (kind,) = ours
    if kind == "unsupported":
        return False
    if kind == "compile_error":
        return "compile_error" not in real or not set(ours[kind]) <= set(real[kind])
    return ours[kind] != real.get(kind)


def kept(answer: dict[str, Any]) -> dict[str, Any]:
    """What is recorded of an answer of C#'s: no messages, which no policy can rely on."""
    return {key: answer[key] for key in ("result", "exception", "compile_error") if key in answer}
