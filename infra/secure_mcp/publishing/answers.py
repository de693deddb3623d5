"""What the deployment endpoint and Azure Resource Manager answer, read."""

import json
from collections.abc import Mapping
from enum import IntEnum
from typing import TYPE_CHECKING, Any, cast

from .failure import PublishingError

if TYPE_CHECKING:
    import requests


class Status(IntEnum):
    """`status` of a deployment. https://github.com/Azure/azure-dev/issues/3658"""

    CANCELLED = -1
    PENDING = 0
    BUILDING = 1
    DEPLOYING = 2
    FAILED = 3
    SUCCESS = 4
    CONFLICT = 5
    PARTIAL_SUCCESS = 6

    @property
    def under_way(self) -> bool:
        return self in {Status.PENDING, Status.BUILDING, Status.DEPLOYING}


def deployment_id(answer: "requests.Response") -> str:
    """The body of an acceptance is a JSON string; where it is something else, the newest deployment is looked at."""
    try:
        body: object = answer.json()
    except ValueError:
        return "latest"
    return body if isinstance(body, str) and body else "latest"


def status_of(deployment: Mapping[str, Any]) -> Status:
    """Raises:
    PublishingError: it is none that is known.
    """
    try:
        return Status(int(deployment["status"]))
    except (KeyError, TypeError, ValueError):
        raise PublishingError(
            f"the deployment endpoint answers with an unknown status: {json.dumps(dict(deployment))[:300]}"
        ) from None


def named(status: Status) -> str:
    return status.name.lower().replace("_", " ")


def object_of(answer: "requests.Response") -> Mapping[str, Any]:
    try:
        body: object = answer.json()
    except ValueError:
        body = None
    return cast("Mapping[str, Any]", body) if isinstance(body, dict) else {}


def list_of(value: object) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def text_of(answer: "requests.Response") -> str:
    """What an answer says, in one short line."""
    body = object_of(answer)
    error: object = body.get("error")
    found = cast("Mapping[str, Any]", error).get("message") if isinstance(error, dict) else None
    text = str(found or body.get("message") or body.get("Message") or answer.text or answer.reason or "")
    if "<html" in text[:500].lower():
        text = answer.reason or ""
    return " ".join(text.split())[:500]


def retry_after(answer: "requests.Response") -> float | None:
    """Seconds of Retry-After, if it says any."""
    said = answer.headers.get("Retry-After", "")
    return min(float(said), 60.0) if said.isdigit() else None


def cause_of(error: BaseException) -> str:
    """The innermost reason of a failed request: the outer ones repeat addresses."""
    reason: object = error
    while True:
        inner = getattr(reason, "reason", None) or next(
            (argument for argument in getattr(reason, "args", ()) if isinstance(argument, BaseException)), None
        )
        if not isinstance(inner, BaseException):
            return str(reason).split(">: ", 1)[-1] or type(reason).__name__
        reason = inner


def spoken(seconds: float) -> str:
    return f"{seconds:.0f} seconds" if seconds < 120 else f"{seconds / 60:.0f} minutes"
