"""Expressions from the library's own tables: constructors, methods, properties and indexers by the type that they give."""

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from apim_policies.expressions.dotnet import MODELS
from apim_policies.expressions.dotnet.registry import Method
from apim_policies.expressions.types import ENUMERATIONS, Type, bases
from fuzz.literals import CLOSED, LITERALS, VARYING
from fuzz.scope import Make, Scope

if TYPE_CHECKING:
    from fuzz.expressions import Expressions


def producers(maker: "Expressions") -> dict[Type, list[Make]]:
    """All that is modelled; a member without which the tables would be incomplete is found without naming it here."""
    found: defaultdict[Type, list[Make]] = defaultdict(list)
    for name, model in MODELS.items():
        for receiver in CLOSED.get(name, (Type(name),)):
            _members(maker, receiver, model, found)
        if name not in CLOSED:
            _statics(maker, name, model, found)
    return dict(found)


def _closed(type_: Type, receiver: Type) -> Type:
    """A type of the tables for a receiver, whose arguments it may name T0 and T1."""
    if type_.name in {"T0", "T1"}:
        return receiver.args[int(type_.name[1])]
    return Type(type_.name, tuple(_closed(part, receiver) for part in type_.args)) if type_.args else type_


def _possible(params: tuple[Type, ...]) -> bool:
    return all(
        param in LITERALS
        or param.name in ENUMERATIONS
        or (param.name in {"Func", "IEnumerable"} and param.args[0] in LITERALS)
        for param in params
    )


def _members(maker: "Expressions", receiver: Type, model: Any, found: defaultdict[Type, list[Make]]) -> None:
    for owner in (owner for owner in LITERALS if owner == receiver or receiver.name in bases(owner)):
        for member, held in model.properties.items():
            found[_closed(held.type, owner)].append(_property(maker, owner, member))
        for member, methods in model.methods.items():
            for method in methods:
                params = tuple(_closed(param, owner) for param in method.params)
                if member not in VARYING and _possible(params):
                    found[_closed(method.returns, owner)].append(_call(maker, owner, member, params, method))
        if model.indexer is not None:
            key = _closed(model.indexer.params[0], owner)
            found[_closed(model.indexer.returns, owner)].append(_index(maker, owner, key))


def _statics(maker: "Expressions", name: str, model: Any, found: defaultdict[Type, list[Make]]) -> None:
    for member, methods in model.statics.items():
        for method in methods:
            if _possible(method.params) and member not in VARYING and not method.env:
                found[method.returns].append(_static(maker, f"{name}.{member}", member, method))
    for member, held in model.static_properties.items():
        if member not in VARYING and not held.env:
            found[held.type].append(_text(f"{name}.{member}"))
    for method in model.constructors:
        if method.rest is None and name not in {"Random", "RNGCryptoServiceProvider"} and _possible(method.params):
            found[method.returns].append(_static(maker, f"new {name}", "", method))


def _text(text: str) -> Make:
    return lambda depth, scope: text


def _property(maker: "Expressions", owner: Type, member: str) -> Make:
    return lambda depth, scope: f"({maker.make(owner, depth - 1, scope)}).{member}"


def _index(maker: "Expressions", owner: Type, key: Type) -> Make:
    return lambda depth, scope: f"({maker.make(owner, depth - 1, scope)})[{maker.make(key, depth - 1, scope)}]"


def _call(maker: "Expressions", owner: Type, member: str, params: tuple[Type, ...], method: Method) -> Make:
    def make(depth: int, scope: Scope) -> str:
        receiver = maker.make(owner, depth - 1, scope)
        return f"({receiver}).{member}({maker.arguments(member, params, method, depth, scope)})"

    return make


def _static(maker: "Expressions", start: str, member: str, method: Method) -> Make:
    return lambda depth, scope: f"{start}({maker.arguments(member, method.params, method, depth, scope)})"
