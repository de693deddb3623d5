"""Options from a stack's configuration."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast, get_args, get_origin

import pulumi

from .declared import Options, bounds_of, fields_of, shape_of, types_of
from .error import key_of

OptionsT = TypeVar("OptionsT", bound=Options)


def load(cls: type[OptionsT], **given: Any) -> OptionsT:
    """The running stack's configuration as options. `Pulumi.yaml` describes the keys; the region is `azure-native:location`.

    Args:
        cls: Their class.
        given: What the program says itself; it comes before what is configured.

    Raises:
        ConfigError: a value cannot work.
        pulumi.ConfigMissingError: there is no region.
    """
    config = pulumi.Config()
    read: dict[Any, Callable[[str], Any]] = {bool: config.get_bool, int: config.get_int, str: config.get}
    types = types_of(cls)
    values: dict[str, Any] = {}
    for name, field in fields_of(cls).items():
        if name in given or not bounds_of(field).configured:
            continue
        if name == "location":
            values[name] = pulumi.Config("azure-native").require("location")
            continue
        plain = shape_of(types[name]).plain
        value = read.get(plain, config.get_object)(key_of(name))
        if value is not None:
            values[name] = _named(value, plain)
    return cls.of(cast("Mapping[str, Any]", {**values, **given}))


def _named(value: Any, kind: Any) -> Any:
    """What is written in camel case where options lie within options, with the names that they have here."""
    if isinstance(kind, type) and issubclass(kind, Options) and isinstance(value, Mapping):
        names = {key_of(name): name for name in fields_of(kind)}
        types = types_of(kind)
        return {
            names.get(key, key): _named(item, shape_of(types[names[key]]).plain) if key in names else item
            for key, item in value.items()
        }
    items = shape_of(get_args(kind)[-1]).plain if get_args(kind) else None
    if get_origin(kind) is Mapping or items is None or not isinstance(value, list):
        return (
            {key: _named(item, items) for key, item in value.items()} if isinstance(value, Mapping) and items else value
        )
    return [_named(item, items) for item in value]
