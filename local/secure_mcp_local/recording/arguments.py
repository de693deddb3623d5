"""Inputs held against the argument types of the provider's SDK.

Programs may give nested properties as plain dicts, which the SDK sends on as they are: a misspelt key, a snake_case key or an
unknown value would be noticed by Azure only, or by nobody. What the SDK declares says what there is.
"""

import collections.abc
import difflib
import enum
import functools
import importlib
import inspect
import sys
import types
import typing
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi import _types  # pyright: ignore[reportPrivateUsage]  (the version is pinned)
from pulumi.runtime import rpc

from secure_mcp_local.errors import LocalCloudError, NotModelled

_SCALARS = (str, bool, int, float)
_CAPACITY = 4096
"""More types than one stack uses."""
_NEWER: Mapping[tuple[str, str], tuple[str, ...]] = {
    # Listed by Azure from 2024-06-01-preview on.
    ("ApiManagementServiceSkuPropertiesArgs", "name"): ("PremiumV2",),
}
"""Values that Azure takes where the API version of the SDK has a shorter list."""


class _RuleOperator(enum.Enum):
    """https://learn.microsoft.com/rest/api/monitor/scheduled-query-rules/create-or-update#conditionoperator"""

    EQUALS = "Equals"
    GREATER_THAN = "GreaterThan"
    GREATER_THAN_OR_EQUAL = "GreaterThanOrEqual"
    LESS_THAN = "LessThan"
    LESS_THAN_OR_EQUAL = "LessThanOrEqual"


# Where the SDK is wrong: two enumerations of Azure have one name, and it shows the other one's values.
_CORRECTED: Mapping[tuple[str, str], Any] = {("ConditionArgs", "operator"): _RuleOperator}


@dataclass(frozen=True)
class Problem:
    path: str
    """Such as `siteConfig.appSettings[0].valeu`."""
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


@dataclass(frozen=True)
class _Choice:
    """What a property may be: one of these. Empty: anything."""

    anything: bool = False
    scalars: tuple[type, ...] = ()
    values: tuple[Any, ...] = ()
    """Of enumerations. Where the SDK takes any string besides, still only these: a new value is far rarer than a typo."""
    objects: tuple[type, ...] = ()
    """Of several kinds, the one that fits best."""
    items: Any = None
    """Annotation of a list's items."""
    entries: Any = None
    """Annotation of a map's values."""
    asset: bool = False

    def __str__(self) -> str:
        names: list[str] = []
        if self.values:
            names.append("one of " + ", ".join(map(repr, self.values)))
        elif self.scalars:
            names.append(" or ".join({str: "a string", bool: "a boolean"}.get(s, "a number") for s in self.scalars))
        if self.objects:
            names.append(f"an object ({', '.join(kind.__name__ for kind in self.objects)})")
        if self.items is not None:
            names.append("a list")
        if self.entries is not None:
            names.append("a map")
        if self.asset:
            names.append("an asset")
        return " or ".join(names)


def check(type: str, inputs: Mapping[str, Any], unknowns: Collection[str] = ()) -> list[Problem]:
    """What the SDK's types say against some inputs.

    Args:
        type: Type token, such as `azure-native:web:WebApp`.
        inputs: Plain JSON with the names of the wire.
        unknowns: Paths of values that are not known yet: nothing is said against them.

    Raises:
        NotModelled: no installed SDK has the type.
    """
    return list(_check_object(_arguments(type), inputs, "", frozenset(unknowns)))


def known(type: str) -> frozenset[str]:
    """Names of the arguments that a resource type has."""
    return frozenset(_properties(_arguments(type)))


def values_of(type: str, key: str) -> tuple[Any, ...]:
    """The values that an enumeration of a resource type has; none where the argument is none, or the type is not in the SDK."""
    try:
        arguments = _arguments(type)
        annotation, _ = _properties(arguments)[key]
    except (NotModelled, KeyError):
        return ()
    return _choice(annotation, arguments.__module__).values


def refuse(type: str, name: str, inputs: Mapping[str, Any], unknowns: Collection[str] = ()) -> None:
    """Raises when `check` finds something.

    Raises:
        LocalCloudError: names the resource and every property that is wrong.
    """
    raise_for(type, name, check(type, inputs, unknowns))


def raise_for(type: str, name: str, problems: Collection[Problem]) -> None:
    """Raises if there are problems with a resource's inputs.

    Raises:
        LocalCloudError: names the resource and every property that is wrong.
    """
    if problems:
        lines = "".join(f"\n  {problem}" for problem in problems)
        raise LocalCloudError(f"the inputs of {type} {name} are not what the provider's SDK declares:{lines}")


@functools.lru_cache(_CAPACITY)
def own_name(type: str) -> str | None:
    """The input of an azure-native type that is the resource's own name, which the provider makes up where it is not given.

    None if there is none, or the type is not in the installed SDK. By the names that the SDK has for it: it must not be required.
    """
    try:
        properties = _properties(_arguments(type))
    except (NotModelled, ValueError):
        return None
    name = type.rpartition(":")[2]
    optional = [key for key, (_, required) in properties.items() if not required and key.endswith("ame")]
    wanted = [f"{name[:1].lower()}{name[1:]}Name", "resourceName", "name"]
    short = [key for key in optional if key.endswith("Name") and name.lower().endswith(key[:-4].lower())]
    initials = [key for key in optional if key == f"{''.join(c for c in name if c.isupper()).lower()}Name"]
    return next((key for key in (*wanted, *short, *initials) if key in optional), None)


@functools.lru_cache(_CAPACITY)
def parent_names(type: str) -> tuple[str, ...]:
    """The inputs of an azure-native type that name what it is inside of, such as `serverName`: what has to be given and is a name."""
    try:
        properties = _properties(_arguments(type))
    except (NotModelled, ValueError):
        return ()
    return tuple(
        key
        for key, (_, required) in properties.items()
        if required and key.endswith("Name") and key != "resourceGroupName"
    )


@functools.lru_cache(_CAPACITY)
def _arguments(token: str) -> type:
    """The class of the arguments of a resource type."""
    package, module, name = token.split(":")
    module = module.split("/")[0]
    # The engine's own types are in the SDK itself.
    path = "pulumi" if package == "pulumi" else f"pulumi_{package.replace('-', '_')}"
    path += "" if module == "index" else f".{module}"
    try:
        resource = getattr(importlib.import_module(path), name)
    except (ImportError, AttributeError):
        raise NotModelled(f"no installed SDK has the resource type {token}; looked for {name} in {path}") from None
    home = sys.modules[resource.__module__]
    return getattr(home, f"_{name}Args", None) or getattr(home, f"{name}InitArgs", None) or getattr(home, f"{name}Args")


@functools.lru_cache(_CAPACITY)
def _properties(arguments: type) -> Mapping[str, tuple[Any, bool]]:
    """Names on the wire, each with its annotation and whether it must be given."""
    names = _types.input_type_py_to_pulumi_names(arguments)
    parameters = inspect.signature(arguments.__init__).parameters
    return {
        wire: (
            _CORRECTED.get((arguments.__name__, wire), parameters[python].annotation),
            parameters[python].default is inspect.Parameter.empty,
        )
        for python, wire in names.items()
        if python in parameters
    }


@functools.lru_cache(_CAPACITY)
def _choice(annotation: Any, module: str) -> _Choice:
    """An annotation taken apart; names in it are those of the module that it stands in."""
    found: dict[str, Any] = {}
    scalars: list[type] = []
    values: list[Any] = []
    objects: list[type] = []
    for option in _options(annotation, module):
        origin = typing.get_origin(option)
        if option is Any:
            found["anything"] = True
        elif option in _SCALARS:
            scalars.append(option)
        elif origin is collections.abc.Sequence:
            found["items"] = typing.get_args(option)[0]
        elif origin is collections.abc.Mapping:
            found["entries"] = typing.get_args(option)[1]
        elif inspect.isclass(option) and issubclass(option, enum.Enum):
            values.extend(member.value for member in option)
        elif inspect.isclass(option) and issubclass(option, pulumi.Asset | pulumi.Archive):
            found["asset"] = True
        elif inspect.isclass(option) and _types.is_input_type(option):
            objects.append(option)
        elif not typing.is_typeddict(option):
            raise NotModelled(f"{module}: {option!r} is not modelled as the type of an argument")
    return _Choice(scalars=tuple(scalars), values=tuple(values), objects=tuple(objects), **found)


def _options(annotation: Any, module: str) -> Iterator[Any]:
    """`Input[Optional[Union[A, "B"]]]` as A, B."""
    if isinstance(annotation, typing.ForwardRef):
        annotation = annotation.__forward_arg__
    if isinstance(annotation, str):
        # An Input may be an output of the same; on the wire it is the value.
        if not annotation.startswith("Output["):
            yield from _options(eval(annotation, vars(sys.modules[module])), module)  # noqa: S307  (the SDK's own source)
    elif (origin := typing.get_origin(annotation)) in {typing.Union, types.UnionType}:
        for option in typing.get_args(annotation):
            yield from _options(option, module)
    elif annotation is not type(None) and origin not in {pulumi.Output, collections.abc.Awaitable}:
        yield annotation


def _check_object(arguments: type, value: Mapping[str, Any], path: str, unknowns: frozenset[str]) -> Iterator[Problem]:
    properties = _properties(arguments)
    for key in value:
        if key not in properties:
            yield Problem(path + key, f"{arguments.__name__} has no such property{_meant(key, properties)}")
    for key, (annotation, required) in properties.items():
        where = path + key
        if where in unknowns:
            continue
        if value.get(key) in _NEWER.get((arguments.__name__, key), ()):
            continue
        if value.get(key) is not None:
            yield from _check_value(annotation, arguments.__module__, value[key], where, unknowns)
        elif required:
            yield Problem(where, f"{arguments.__name__} needs it")


def _check_value(annotation: Any, module: str, value: Any, path: str, unknowns: frozenset[str]) -> Iterator[Problem]:
    choice = _choice(annotation, module)
    if choice.anything or path in unknowns:
        return
    match value:
        case {rpc._special_sig_key: _} if choice.asset:  # pyright: ignore[reportPrivateUsage]
            return
        case dict() if choice.objects:
            yield from min((list(_check_object(kind, value, f"{path}.", unknowns)) for kind in choice.objects), key=len)
        case dict() if choice.entries is not None:
            for key, entry in value.items():
                yield from _check_value(choice.entries, module, entry, f"{path}.{key}", unknowns)
        case list() if choice.items is not None:
            for index, item in enumerate(value):
                yield from _check_value(choice.items, module, item, f"{path}[{index}]", unknowns)
        case str() | bool() | int() | float() if choice.values:
            if value not in choice.values:
                yield Problem(path, f"{value!r} is not {choice}")
        case bool() if bool in choice.scalars:
            return
        case int() if not isinstance(value, bool) and {int, float} & set(choice.scalars):
            return
        case float() if float in choice.scalars:
            return
        case str() if str in choice.scalars:
            return
        case _:
            kind = {dict: "an object", list: "a list", str: "a string", bool: "a boolean"}.get(type(value), "a number")
            yield Problem(path, f"is {kind} and must be {choice}")


def _meant(key: str, properties: Mapping[str, Any]) -> str:
    camel = "".join(part if i == 0 else part.capitalize() for i, part in enumerate(key.split("_")))
    near = [camel] if camel in properties else difflib.get_close_matches(key, properties, 1)
    return f"; did you mean {near[0]}?" if near else ""
