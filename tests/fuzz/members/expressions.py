"""An expression for a signature: it calls the member on a sample, with samples."""

import re
from collections.abc import Iterator

from fuzz.members.samples import (
    ARGUMENTS,
    CERTIFICATE,
    EXTENDED,
    INSTEAD,
    JSON,
    OF_ENUMERABLE,
    RECEIVERS,
    TEXTS,
    XML,
)
from fuzz.members.signatures import Parameter, Signature


class _Refused(Exception):
    """A parameter of a type that API Management does not admit: no expression can have a value for it."""


def expressions(signature: Signature) -> list[str]:
    """Expressions that use a member; none where API Management admits no type that it takes, or nothing has it."""
    instead = INSTEAD.get(f"{signature.type} {signature.text}")
    if instead is not None:
        return [instead]
    try:
        return list(_expressions(signature))
    except _Refused:
        return []


def _expressions(one: Signature) -> Iterator[str]:
    receivers = RECEIVERS.get(one.type, ())
    match one.kind:
        case "constant":
            yield f"@({one.written}.{one.member})"
        case "field" | "property" if one.static:
            yield f"@({one.written}.{one.member})"
        case "field" | "property":
            yield from (f"@(({receiver}).{one.member})" for receiver in receivers)
        case "indexer":
            index = ", ".join(_Arguments(one, ('"a"', '"n"')).given)
            yield from (f"@(({receiver})[{index}])" for receiver in receivers[:1])
        case "constructor":
            arguments = _Arguments(one)
            yield arguments.around(f"new {one.written}({', '.join(arguments.given)})")
        case "conversion":
            yield from _conversions(one, receivers)
        case "operator":
            yield from _operations(one, receivers)
        case "method" if one.static:
            yield _static_call(one)
        case "method":
            arguments = _Arguments(one)
            call = f"{one.member}{_type_arguments(one)}({', '.join(arguments.given)})"
            for receiver in receivers:
                if one.returns == "void":
                    yield f"@{{{arguments.before}var x = {receiver}; x.{call}; return x;}}"
                else:
                    yield arguments.around(f"({receiver}).{call}")
        case _:
            return


def _static_call(one: Signature) -> str:
    arguments = _Arguments(one)
    given = arguments.given
    if one.parameters and one.parameters[0].modifier == "this":
        return arguments.around(f"({given[0]}).{one.member}{_type_arguments(one)}({', '.join(given[1:])})")
    if one.type == "Array" and one.returns == "void" and given and given[0].startswith("new"):
        return (
            f"@{{{arguments.before}var a = {given[0]}; Array.{one.member}({', '.join(['a', *given[1:]])}); return a;}}"
        )
    return arguments.around(
        f"{one.written}.{one.member}{_type_arguments(one)}({', '.join(given)})", void=one.returns == "void"
    )


def _conversions(one: Signature, receivers: tuple[str, ...]) -> Iterator[str]:
    target = one.returns
    if one.parameters[0].type == one.type and receivers:
        inner = target.rstrip("?")
        if one.type == "JToken":
            text = JSON.get(inner, "12").replace('"', '\\"')
            receivers = (f'JToken.Parse("{text}")',)
        elif one.type in {"XElement", "XAttribute"}:
            receivers = (f'new {one.type}("a", "{XML.get(inner, "12")}")',)
        yield from (f"@(({target})({receiver}))" for receiver in receivers)
        return
    given = _Arguments(one).given[0]
    yield f"@(({target})({given}))" if one.explicit else f"@{{{target} r = {given}; return r;}}"


def _operations(one: Signature, receivers: tuple[str, ...]) -> Iterator[str]:
    given = _Arguments(one).given
    operands = [
        receivers[0] if parameter.type == one.type and receivers else argument
        for parameter, argument in zip(one.parameters, given, strict=True)
    ]
    if one.member in {"++", "--"}:
        yield f"@{{var r = {operands[0]}; r{one.member}; return r;}}"
    elif len(operands) == 1:
        yield f"@({one.member}({operands[0]}))"
    else:
        yield f"@(({operands[0]}) {one.member} ({operands[1]}))"


def _type_arguments(one: Signature) -> str:
    """Those that no argument tells."""
    if not one.type_parameters:
        return ""
    first = one.type_parameters[0]
    if any(re.search(rf"\b{first}\b", parameter.type) for parameter in one.parameters):
        return ""
    if one.type == "Enum":
        return "<StringComparison>"
    return f"<{', '.join(['int'] * len(one.type_parameters))}>"


class _Arguments:
    def __init__(self, one: Signature, texts: tuple[str, ...] | None = None) -> None:
        self.given: list[str] = []
        self.results: list[str] = []
        """Variables that get something."""
        self.before = ""
        self._texts = list(texts or TEXTS.get(one.type, ('"abc"',)))
        for at, parameter in enumerate(one.parameters):
            if not parameter.optional:
                self._add(one.type, at, parameter)

    def around(self, call: str, *, void: bool = False) -> str:
        """A whole expression for a call: all that it gives."""
        if not (void or self.before or self.results):
            return f"@({call})"
        if void:
            shown = ' + "|" + '.join(['""', *self.results]) if self.results else '"done"'
            return f"@{{{self.before}{call}; return {shown};}}"
        further = "".join(f' + "|" + {one}' for one in self.results)
        return f"@{{{self.before}var r = {call}; return r{further};}}"

    def _add(self, owner: str, at: int, parameter: Parameter) -> None:
        type_ = parameter.type
        match parameter.modifier:
            case "out":
                self.given.append(f"out var o{at}")
                self.results.append(f"o{at}")
            case "ref" if type_ == "T[]":
                self.before += f"var r{at} = new[] {{3, 1, 2}}; "
                self.given.append(f"ref r{at}")
                self.results.append(f"r{at}")
            case "ref":
                raise _Refused
            case "params":
                several = {
                    "object[]": '"x", 2',
                    "string[]": '"a", "b"',
                    "char[]": "'a', 'b'",
                    "int[]": "0",
                    "long[]": "0",
                }
                if type_ in several:
                    self.given.append(several[type_])
            case _:
                self.given.append(self._value(owner, parameter))

    def _value(self, owner: str, parameter: Parameter) -> str:
        type_ = parameter.type
        extends = parameter.modifier == "this"
        if owner == "Enumerable" and (found := OF_ENUMERABLE.get(f"this {type_}" if extends else type_)) is not None:
            return found
        if extends and type_ in EXTENDED:
            return EXTENDED[type_]
        if owner in {"HashSet", "ISet"} and type_ == "IEnumerable<T>":
            return "new[] {2, 5}"
        if type_ == "string":
            return self._texts.pop(0) if len(self._texts) > 1 else self._texts[0]
        if type_.endswith("?"):
            nullable = "int?" if type_ == "T?" else type_
            return f"({nullable}){ARGUMENTS[type_.rstrip('?')]}"
        if type_ in ARGUMENTS:
            return ARGUMENTS[type_]
        if type_ in RECEIVERS:
            return RECEIVERS[type_][0]
        if type_ == "X509Certificate2":
            return CERTIFICATE
        raise _Refused
