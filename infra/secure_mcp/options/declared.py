"""How an option is declared, and what becomes of the values that somebody gives."""

import dataclasses
import difflib
import inspect
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import UnionType
from typing import Any, ForwardRef, Self, TypeVar, Union, cast, dataclass_transform, get_args, get_origin, overload

import pulumi
from pulumi.output import Unknown

from .checks import Check, between
from .error import ConfigError, key_of

T = TypeVar("T")

Taken = Mapping[str, Any]
"""What a component takes beside an object of its options: a mapping with their names, as the provider gives it."""


@dataclass(frozen=True)
class Bounds:
    """What is known of an option beside its name, type, default and description."""

    checks: tuple[Check, ...] = ()
    configured: bool = True
    """Whether it is a key of `Pulumi.yaml`; what a program alone can say is not."""
    secret: bool = False
    """Whether its value is never shown."""


@overload
def option(
    *checks: Check,
    default: T,
    at_least: int | None = None,
    at_most: int | None = None,
    configured: bool = True,
    secret: bool = False,
) -> T: ...
@overload
def option(
    *checks: Check,
    at_least: int | None = None,
    at_most: int | None = None,
    configured: bool = True,
    secret: bool = False,
) -> Any: ...
def option(
    *checks: Check,
    default: Any = dataclasses.MISSING,
    at_least: int | None = None,
    at_most: int | None = None,
    configured: bool = True,
    secret: bool = False,
) -> Any:
    """Declares an option; its description is the docstring that follows.

    Args:
        checks: What its value may be.
        default: Its value when none is given. Without one it must be given.
        at_least: The smallest number.
        at_most: The largest number.
        configured: Whether it is a key of `Pulumi.yaml`.
        secret: Whether its value is never shown.
    """
    bounds = (between(at_least, at_most),) if at_least is not None or at_most is not None else ()
    metadata = {"bounds": Bounds((*checks, *bounds), configured, secret)}
    if isinstance(default, dict):
        return dataclasses.field(default_factory=default.copy, metadata=metadata)  # pyright: ignore[reportUnknownArgumentType]
    return dataclasses.field(default=default, metadata=metadata)


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(option,))
class Options:
    """Base of all classes of options: complete and valid, or not made.

    An option is a bool, int, str, a list or map of texts, other options, or a list or map of those; `pulumi.Input` where
    an output will do; `None` only as the default of what can be left out. A subclass inherits and declares nothing again.
    No two classes share a name: the schema knows them by it.
    """

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        # What the base has below is not made anew for each of some sixty classes, which takes longer than all else about them.
        dataclass(frozen=True, kw_only=True, repr=False, eq=False)(cls)

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={getattr(self, name)!r}" for name in fields_of(type(self)))
        return f"{type(self).__qualname__}({given})"

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and all(
            getattr(self, name) == getattr(other, name) for name in fields_of(type(self))
        )

    def __hash__(self) -> int:
        return hash(tuple(getattr(self, name) for name in fields_of(type(self))))

    @classmethod
    def of(cls, args: Self | Taken) -> Self:
        """An object passes; a mapping is checked and made one. What is None was not given.

        Raises:
            ConfigError: a name is unknown or missing, or its value cannot work.
        """
        if isinstance(args, Options):
            if isinstance(args, cls):
                return args
            raise ConfigError(cls.__name__, type(args).__name__, f"give {cls.__name__}(...), or a mapping")
        if not isinstance(args, Mapping):
            raise ConfigError(cls.__name__, args, 'give options by name, such as {"location": "swedencentral"}')
        known = fields_of(cls)
        for name, value in args.items():
            if name not in known:
                close = difflib.get_close_matches(_snake(name), known, 1, 0.75)
                hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"
                raise ConfigError(name, _shown(value), f"there is no such option; {hint}")
        given = {name: value for name, value in args.items() if value is not None}
        for name, field in known.items():
            if (
                name not in given
                and field.default is dataclasses.MISSING
                and field.default_factory is dataclasses.MISSING
            ):
                raise ConfigError(key_of(name), None, "give a value: it has no default")
        return cls(**given)

    def __post_init__(self) -> None:
        types = types_of(type(self))
        for name, field in fields_of(type(self)).items():
            object.__setattr__(self, name, _checked(name, getattr(self, name), field, types[name]))
        for cls in reversed(type(self).__mro__):
            if "check" in vars(cls) and cls is not Options:
                vars(cls)["check"](self)

    def check(self) -> None:
        """Says what of these options does not go together; a subclass adds its own, and need not call this.

        Raises:
            ConfigError: with the option that is to be changed.
        """

    def part(self, cls: type["Options"]) -> dict[str, Any]:
        """Those of these options that another class has, too, as its keyword arguments."""
        return {name: getattr(self, name) for name in fields_of(cls) if name in fields_of(type(self))}

    def wrong(self, name: str, problem: str) -> ConfigError:
        """The error about one of these options, for `check`."""
        return ConfigError(key_of(name), _shown(getattr(self, name), bounds_of(fields_of(type(self))[name])), problem)


@cache
def fields_of(cls: type[Options]) -> dict[str, "dataclasses.Field[Any]"]:
    """The options of a class, by name, in order."""
    return {field.name: field for field in dataclasses.fields(cast("Any", cls))}


@cache
def types_of(cls: type[Options]) -> dict[str, Any]:
    """The types of a class's options, by name."""
    # Not get_type_hints: the name of Output within `pulumi.Input` means nothing here.
    hints = {name: kind for part in reversed(cls.__mro__) for name, kind in inspect.get_annotations(part).items()}
    return {name: hints[name] for name in fields_of(cls)}


def bounds_of(field: "dataclasses.Field[Any]") -> Bounds:
    return field.metadata.get("bounds", Bounds())


def default_of(field: "dataclasses.Field[Any]") -> Any:
    """The default of an option, or `dataclasses.MISSING`."""
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


@dataclass(frozen=True)
class Shape:
    """A type of an option, taken apart."""

    plain: Any
    """The type without `Input` and `None`."""
    optional: bool
    """Whether None is a value."""
    output: bool
    """Whether an output will do."""


@cache
def shape_of(kind: Any) -> Shape:
    parts = get_args(kind) if get_origin(kind) in {Union, UnionType} else (kind,)
    later = [part for part in parts if isinstance(part, ForwardRef) or get_origin(part) in {pulumi.Output, Awaitable}]
    plain = [part for part in parts if part is not _NONE and part not in later]
    if len(plain) != 1:
        raise TypeError(f"{kind} is not a type of an option")
    return Shape(plain[0], _NONE in parts, bool(later))


_NONE = type(None)
_WANTED = {bool: "true or false", int: "a whole number", str: "a string"}


def _checked(name: str, value: Any, field: "dataclasses.Field[Any]", kind: Any) -> Any:
    default, bounds = default_of(field), bounds_of(field)
    if value is None and default is not dataclasses.MISSING:
        value = default
    shape = shape_of(kind)
    if value is None and shape.optional:
        return None
    key = key_of(name)
    value = _typed(key, value, shape, bounds)
    if not _is_output(value):
        for check in bounds.checks:
            problem = check(value)
            if problem:
                raise ConfigError(key, _shown(value, bounds), problem)
    return value


def _is_output(value: Any) -> bool:
    # In a preview a component provider gets Unknown for what is not known yet within a value.
    return isinstance(value, pulumi.Output | Awaitable | Unknown)


def _typed(key: str, value: Any, shape: Shape, bounds: Bounds) -> Any:
    if shape.plain is Any:
        return value
    if _is_output(value):
        if shape.output:
            return value
        raise ConfigError(key, "(output)", "give a plain value: it decides which resources exist")
    plain = shape.plain
    if plain in _WANTED:
        # The engine hands whole numbers to a component provider as 3.0.
        if plain is int and isinstance(value, float) and value.is_integer():
            return int(value)
        if isinstance(value, plain) and (plain is bool or not isinstance(value, bool)):
            return value
        raise ConfigError(key, _shown(value, bounds), f"give {_WANTED[plain]}")
    if isinstance(plain, type) and issubclass(plain, Options):
        try:
            return plain.of(value)
        except ConfigError as error:
            raise error.within(key) from None
    origin, parts = get_origin(plain), get_args(plain)
    if origin is Mapping:
        if not isinstance(value, Mapping) or not all(isinstance(each, str) for each in value):
            raise ConfigError(key, _shown(value, bounds), _example(plain))
        return {each: _item(f"{key}.{each}", item, parts[1], value, plain, key, bounds) for each, item in value.items()}
    if origin is Sequence:
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise ConfigError(key, _shown(value, bounds), _example(plain))
        return tuple(
            _item(f"{key}[{index}]", item, parts[0], value, plain, key, bounds) for index, item in enumerate(value)
        )
    return value


def _item(path: str, item: Any, kind: Any, whole: Any, plain: Any, key: str, bounds: Bounds) -> Any:
    shape = shape_of(kind)
    if isinstance(shape.plain, type) and issubclass(shape.plain, Options):
        return _typed(path, item, shape, bounds)
    if shape.plain in _WANTED and not _is_output(item):
        try:
            return _typed(path, item, shape, bounds)
        except ConfigError:
            raise ConfigError(key, _shown(whole, bounds), _example(plain)) from None
    return _typed(path, item, shape, bounds)


def _example(plain: Any) -> str:
    """What a list or map looks like."""
    items = shape_of(get_args(plain)[-1]).plain
    if get_origin(plain) is Mapping:
        return 'give a map of strings, such as {"a": "b"}' if items is str else 'give a map, such as {"a": {...}}'
    return 'give a list of strings, such as ["a", "b"]' if items is str else "give a list, such as [{...}]"


def _shown(value: Any, bounds: Bounds | None = None) -> Any:
    if bounds and bounds.secret:
        return "(secret)"
    if _is_output(value):
        return "(output)"
    if isinstance(value, Mapping):
        return {key: _shown(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_shown(item) for item in value)
    return value


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
