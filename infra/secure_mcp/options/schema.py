"""The schema of the component provider, as far as it comes from options.

Pulumi infers a schema from typed dictionaries, takes descriptions from a class's own source only and knows no defaults. So
the dictionaries are derived from the options here, and what inference cannot see is written into the schema afterwards.
"""

import dataclasses
import inspect
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NotRequired, TypedDict, get_args, get_origin

import pulumi

from .declared import Options, default_of, fields_of, shape_of, types_of
from .described import default_text, descriptions
from .error import key_of


@cache
def typed_dict(cls: type[Options]) -> Any:
    """The typed dictionary of a class of options: what can be left out is not required, options within are dictionaries, too."""
    fields = {
        name: _inferable(types_of(cls)[name])
        if default_of(field) is dataclasses.MISSING
        else NotRequired[_inferable(types_of(cls)[name])]
        for name, field in fields_of(cls).items()
    }
    made = TypedDict(cls.__name__, fields)  # pyright: ignore
    made.__module__ = cls.__module__
    made.__doc__ = cls.__doc__
    return made


def _inferable(kind: Any) -> Any:
    shape = shape_of(kind)
    plain = _plain(shape.plain)
    return pulumi.Input[plain] if shape.output else plain


def _plain(kind: Any) -> Any:
    if isinstance(kind, type) and issubclass(kind, Options):
        return typed_dict(kind)
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Sequence:
        return Sequence[_inferable(parts[0])]
    return Mapping[str, _inferable(parts[1])] if origin is Mapping else kind


def offered(component: type[pulumi.ComponentResource]) -> type[pulumi.ComponentResource]:
    """A component whose arguments are options, with the annotation that inference understands."""
    options = options_of(component)
    component.__init__.__annotations__["args"] = typed_dict(options)
    return component


def options_of(component: type[pulumi.ComponentResource]) -> type[Options]:
    """The options that a component takes: the class in the annotation of its `args`."""
    annotation = inspect.get_annotations(component.__init__)["args"]
    found = [
        part for part in (annotation, *get_args(annotation)) if isinstance(part, type) and issubclass(part, Options)
    ]
    if len(found) != 1:
        raise TypeError(f"{component.__name__} takes {annotation}, which names no class of options")
    return found[0]


def describe(schema: dict[str, Any], package: str, components: Mapping[str, type[Options]]) -> None:
    """Writes the descriptions and defaults of options into a schema.

    Args:
        schema: As inferred; changed in place.
        package: Name of the package.
        components: The options of each component, by its name.
    """
    for name, options in components.items():
        _describe(schema["resources"][f"{package}:index:{name}"]["inputProperties"], options)
    for options in {nested for each in components.values() for nested in nested_in(each)}:
        described = schema["types"][f"{package}:index:{options.__name__}"]
        described["description"] = _one_line(options.__doc__)
        _describe(described["properties"], options)


def nested_in(cls: type[Options]) -> set[type[Options]]:
    """The classes of options that lie within options of a class, at any depth."""
    found: set[type[Options]] = set()
    for kind in types_of(cls).values():
        plain = shape_of(kind).plain
        items = [plain, *(shape_of(part).plain for part in get_args(plain) if part is not str)]
        for item in items:
            if isinstance(item, type) and issubclass(item, Options) and item not in found:
                found |= {item, *nested_in(item)}
    return found


def _describe(properties: dict[str, Any], options: type[Options]) -> None:
    texts = descriptions(options)
    for name, field in fields_of(options).items():
        default = default_text(default_of(field))
        properties[key_of(name)]["description"] = texts[name] + (f" Default: {default}." if default else "")


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())
