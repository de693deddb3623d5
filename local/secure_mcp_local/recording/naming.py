"""Names that Pulumi makes up where a program gives none.

A name that is made up here is the same in each run, so that plans can be compared; Pulumi's own is random, once.
https://www.pulumi.com/docs/iac/concepts/resources/names/#autonaming
"""

import hashlib
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from secure_mcp_local.errors import LocalCloudError

CONFIGURATION = "pulumi:autonaming"

Way = Literal["random", "copy", "uuid"]
"""How azure-native makes up a name: with eight hexadecimal digits behind the name in the program, as that name, or a GUID."""

_PLACE = re.compile(r"\$\{(\w+)(?:\((\d+)\))?\}")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_DIGITS = "0123456789"
_ALPHABETS = {"hex": "0123456789abcdef", "alphanum": _LETTERS + _DIGITS, "string": _LETTERS, "num": _DIGITS}


@dataclass(frozen=True)
class Naming:
    """How a stack's resources are named where the program does not: Pulumi's defaults, or what `pulumi:autonaming` says."""

    project: str
    stack: str
    rules: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @classmethod
    def of(cls, project: str, stack: str, config: Mapping[str, str]) -> "Naming":
        """Reads the configuration, in full keys and texts.

        Raises:
            LocalCloudError: it is not an object.
        """
        text = config.get(CONFIGURATION, "{}")
        try:
            rules: object = json.loads(text)
        except ValueError:
            rules = None
        if not isinstance(rules, dict):
            raise LocalCloudError(
                f"configuration {CONFIGURATION} = {text!r}: must be an object, such as {{mode: verbatim}}"
            )
        return cls(project, stack, cast("dict[str, Any]", rules))

    def name(self, urn: str, type: str, name: str, way: Way) -> str:
        """A name for a resource.

        Args:
            urn: Of the resource.
            type: Its type token.
            name: Its name in the program.
            way: The provider's own, which holds where nothing else is configured.

        Raises:
            LocalCloudError: names are not made up in this stack, or the configuration says it wrongly.
        """
        rule = self._rule(type)
        pattern, mode = rule.get("pattern"), rule.get("mode", "default")
        if isinstance(pattern, str):
            return _PLACE.sub(lambda match: self._filled(match, urn, name), pattern)
        match mode:
            case "verbatim":
                return name
            case "disabled":
                raise LocalCloudError(f"{type} {name}: it has no name, and {CONFIGURATION} lets none be made up")
            case "default":
                return _default(urn, name, way)
            case _:
                raise LocalCloudError(f"{CONFIGURATION}: {mode!r} is no mode; there are default, verbatim and disabled")

    def _rule(self, type: str) -> Mapping[str, Any]:
        """What is said about the resource type, its provider, or everything, whichever is the nearest."""
        provider = _mapping(_mapping(self.rules.get("providers")).get(type.partition(":")[0]))
        for rule in (_mapping(_mapping(provider.get("resources")).get(type)), provider, self.rules):
            if "mode" in rule or "pattern" in rule:
                return rule
        return {}

    def _filled(self, match: re.Match[str], urn: str, name: str) -> str:
        what, length = match[1], int(match[2] or 8)
        given = {"name": name, "project": self.project, "stack": self.stack, "uuid": _uuid(urn)}
        if what in given:
            return given[what]
        if what not in _ALPHABETS:
            raise LocalCloudError(f"{CONFIGURATION}: {match[0]} is nothing that a pattern can hold")
        alphabet = _ALPHABETS[what]
        return "".join(alphabet[byte % len(alphabet)] for byte in hashlib.shake_256(urn.encode()).digest(length))


def _default(urn: str, name: str, way: Way) -> str:
    match way:
        case "random":
            return name + hashlib.sha256(urn.encode()).hexdigest()[:8]
        case "copy":
            return name
        case "uuid":
            return _uuid(urn)


def _uuid(urn: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, urn))


def _mapping(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}
