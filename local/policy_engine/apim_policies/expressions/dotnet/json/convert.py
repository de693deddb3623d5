"""Newtonsoft.Json.JsonConvert."""

from typing import Any

from apim_policies.expressions.dotnet.json.tokens import FORMATTING, PROFILE
from apim_policies.expressions.dotnet.registry import Method, Model
from apim_policies.expressions.objects.serializing import (
    deserialized,
    serialized,
    supported,
)
from apim_policies.expressions.types import (
    OBJECT,
    STRING,
    Type,
)


def _deserializing(type_: Type) -> list[Method]:
    if not supported(type_):
        raise NotImplementedError(f"JsonConvert.DeserializeObject<{type_}>")
    return [Method((STRING,), type_, lambda text: deserialized(text, type_))]


def _serialize(env: list[Any], value: Any, formatting: str = "None") -> str:
    return serialized(value, formatting, env[PROFILE].newline)


_CONVERT = Model(
    statics={
        "SerializeObject": [
            Method((OBJECT,), STRING, _serialize, env=True),
            Method((OBJECT, FORMATTING), STRING, _serialize, env=True),
        ],
        "DeserializeObject": [Method((STRING,), OBJECT, lambda text: deserialized(text, OBJECT))],
    },
    static_generics={"DeserializeObject": _deserializing},
)


MODELS: dict[str, Model] = {"JsonConvert": _CONVERT}
NAMES = {"JsonConvert": "Newtonsoft.Json"}
