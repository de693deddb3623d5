"""Where a token stands among others: children by name and index, parents, paths."""

from collections.abc import Callable, Iterable

from apim_policies.expressions.newtonsoft.tokens import JArray, JObject, JProperty, JToken, JValue
from apim_policies.expressions.values.failing import argument_null, out_of_range
from apim_policies.expressions.values.failures import CSharpException


def child_named(token: JToken, name: str | None) -> JToken | None:
    if name is None and isinstance(token, JObject | JArray):
        raise argument_null("key")
    if isinstance(token, JObject):
        return token.get(name or "")
    if isinstance(token, JArray):
        message = "Accessed JArray values with invalid key value. Int32 array index expected."
        raise CSharpException("System.ArgumentException", message)
    raise CSharpException(
        "System.InvalidOperationException", f"Cannot access child value on Newtonsoft.Json.Linq.{type(token).__name__}."
    )


def child_of(token: JToken, key: object) -> JToken | None:
    """`token[key]` with a key that is an object: it decides when the expression runs."""
    if isinstance(key, str):
        return child_named(token, key)
    if isinstance(key, int) and not isinstance(key, bool) and isinstance(token, JArray):
        return child_at(token, key)
    if isinstance(token, JObject | JArray):
        kind = type(token).__name__
        raise CSharpException("System.ArgumentException", f"Accessed {kind} values with invalid key value.")
    return child_named(token, "")


def set_child_named(token: JToken, name: str | None, value: JToken | None) -> None:
    if name is None:
        raise argument_null("name")
    if not isinstance(token, JObject):
        raise CSharpException("System.InvalidOperationException", "Cannot set child value.")
    token.set(name, value)


def item_at(array: JArray, index: int) -> JToken:
    if not 0 <= index < len(array.items):
        raise out_of_range("index")
    return array.items[index]


def child_at(token: JToken, index: int) -> JToken:
    """`token[0]` of any token."""
    if isinstance(token, JArray):
        return item_at(token, index)
    if isinstance(token, JObject):
        message = f"Accessed JObject values with invalid key value: {index}. Object property name expected."
        raise CSharpException("System.ArgumentException", message)
    raise CSharpException(
        "System.InvalidOperationException", f"Cannot access child value on Newtonsoft.Json.Linq.{type(token).__name__}."
    )


def set_item(array: JArray, index: int, value: JToken | None) -> None:
    item_at(array, index)
    array.put(index, value)


def set_child_at(token: JToken, index: int, value: JToken | None) -> None:
    child_at(token, index)
    assert isinstance(token, JArray)
    token.put(index, value)


def parent_of(token: JToken) -> JToken:
    if token.parent is None:
        raise CSharpException("System.InvalidOperationException", "The parent is missing.")
    return token.parent


def remove(token: JToken) -> None:
    parent_of(token).discard(token)


def replace_token(token: JToken, value: JToken | None) -> None:
    parent_of(token).replace(token, value)


def path_of(token: JToken) -> str:
    if token.parent is None:
        return ""
    steps: list[JToken] = []
    at: JToken | None = token
    while at is not None:
        steps.append(at)
        at = at.parent
    out = ""
    for parent, child in zip(steps[::-1], [*steps[::-1][1:], None], strict=True):
        if isinstance(parent, JProperty):
            simple = not any(unit in " .'/\"[]()\t\n\r\f\b\\\x85\u2028\u2029" for unit in parent.name)
            if not simple:
                raise NotImplementedError("the path of such a property")
            out += ("." if out else "") + parent.name
        elif isinstance(parent, JArray) and child is not None:
            out += f"[{next(n for n, item in enumerate(parent.items) if item is child)}]"
    return out


def root_of(token: JToken) -> JToken:
    return token if token.parent is None else root_of(token.parent)


def _only_container(token: JToken) -> list[JToken]:
    if isinstance(token, JValue):
        raise CSharpException(
            "System.InvalidOperationException", "Cannot access child value on Newtonsoft.Json.Linq.JValue."
        )
    return token.children()


def edge(index: int) -> Callable[[JToken], JToken | None]:
    def get(token: JToken) -> JToken | None:
        children = _only_container(token)
        return children[index] if children else None

    return get


def sibling(step: int) -> Callable[[JToken], JToken | None]:
    def get(token: JToken) -> JToken | None:
        siblings = token.parent.children() if token.parent is not None else [token]
        at = next(n for n, each in enumerate(siblings) if each is token) + step
        return siblings[at] if 0 <= at < len(siblings) else None

    return get


def descendants(token: JToken) -> Iterable[JToken]:
    for child in token.children():
        yield child
        if not isinstance(child, JValue):
            yield from descendants(child)
