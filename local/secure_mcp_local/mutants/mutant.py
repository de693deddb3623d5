"""One mistake in what a stack declares."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from secure_mcp_local.errors import LocalCloudError
from secure_mcp_local.recording import Recording, Resource, models
from secure_mcp_local.recording.registration import SUBSCRIPTION, Created, Environment, Registration

Path = tuple[str | int, ...]
GONE: Any = object()
"""In place of a value: there is none."""


def shown(path: Path) -> str:
    """`a.b[0].c`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.lstrip(".")


@dataclass(frozen=True)
class Mutant:
    urn: str
    type: str
    name: str
    """Pulumi's name of the resource."""
    kind: str
    """Of `drop`, `empty`, `swap`, `foreign`, `weaker` and `dependency`."""
    path: Path = ()
    """Of the input; none: the resource itself, or a dependency of it."""
    value: Any = GONE
    needles: tuple[str, ...] = ()
    """What a message has to name one of, in lower case."""

    def __str__(self) -> str:
        where = f" {shown(self.path)}" if self.path else ""
        what = "" if self.value is GONE else f" -> {_short(self.value)}"
        return f"{self.type.removeprefix('azure-native:')} {self.name}{where}: {self.kind}{what}"

    def applied(self, recording: Recording) -> Recording:
        """The stack with the mistake in it.

        Raises:
            LocalCloudError: the resource cannot be declared so.
        """
        resource = recording.by_urn(self.urn)
        if resource is None:
            raise LocalCloudError(f"the stack has no {self.urn}")
        if self.kind == "dependency":
            other = replace(resource, dependencies=resource.dependencies - {self.value})
        elif not self.path:
            return recording.without(lambda one: one.urn == self.urn)
        else:
            other = declared(resource, cast("Mapping[str, Any]", _set(resource.inputs, self.path, self.value)))
        return replace(recording, resources=tuple(other if one.urn == self.urn else one for one in recording))


def declared(resource: Resource, inputs: Mapping[str, Any]) -> Resource:
    """A resource with other inputs, answered as its provider would."""
    subscription = resource.id.split("/")[2] if resource.id.startswith("/subscriptions/") else SUBSCRIPTION
    # The provider takes the stack's location where there is none.
    filled = {"location": resource.inputs["location"], **inputs} if "location" in resource.inputs else inputs
    registration = Registration(
        resource.urn, resource.type, resource.name, filled, Environment(), subscription=subscription
    )
    try:
        created = models.create(registration)
    except (KeyError, TypeError, ValueError):
        # What it is made of is missing: nothing is known of it but what was.
        created = Created(
            resource.id, {key: one for key, one in resource.outputs.items() if key not in resource.inputs}
        )
    # What the local cloud's own addresses are stays.
    kept = {key: resource.outputs[key] for key in ("gatewayUrl",) if key in resource.outputs}
    return replace(resource, inputs=inputs, outputs={**inputs, **created.outputs, **kept}, id=created.id)


def _set(value: Any, path: Path, new: Any) -> Any:
    first, *rest = path
    if isinstance(value, Mapping):
        items = {**cast("Mapping[Any, Any]", value)}
        if not rest and new is GONE:
            items.pop(first)
        else:
            items[first] = _set(items[first], tuple(rest), new) if rest else new
        return items
    items = [*cast("Sequence[Any]", value)]
    if not rest and new is GONE:
        items.pop(cast("int", first))
    else:
        items[cast("int", first)] = _set(items[cast("int", first)], tuple(rest), new) if rest else new
    return items


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 70 else f"{text[:30]}…{text[-35:]}"
