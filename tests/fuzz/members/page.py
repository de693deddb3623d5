"""The page that tells which members are modelled: of every type that API Management admits, in the order of namespaces."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from apim_policies.expressions.trial.answers import Answerer
from apim_policies.expressions.trial.samples import SAMPLE
from fuzz.members.cases import expected, recorded
from fuzz.members.signatures import signatures

PAGE = Path(__file__).parents[3] / "docs" / "expression-members.md"

_HEAD = """# Members in expressions

Written by `make pages` from what .NET was asked.

Every member of every type that [API Management admits](https://learn.microsoft.com/azure/api-management/api-management-policy-expressions#CLRTypes)
is one of three here:

- **modelled**: an expression that uses it gives what .NET {version} gave ({answers} recorded answers; a number says how many overloads are
  modelled, if not all are),
- **not modelled**: refused by that name when the document is loaded,
- **out of reach**: all of its overloads take types that API Management does not admit (`Span<T>`, `CultureInfo`, `Stream`, `Type`, …), or
  only a program can use it.

What is on none of the lists does not exist in .NET Framework 4.8 and not in .NET Core 3.1: using it is an error. {modelled} of {reachable}
overloads within reach are modelled ({share:.0f} %); [policy expressions](expressions.md) tell how they are held to C#.

| type | modelled | not modelled | out of reach |
|---|---|---|---|
"""


@dataclass
class _Member:
    modelled: int = 0
    missing: int = 0
    beyond: int = 0

    @property
    def within(self) -> int:
        return self.modelled + self.missing


@dataclass
class _Table:
    types: dict[str, dict[str, _Member]] = field(default_factory=dict[str, dict[str, _Member]])

    def total(self, of: str) -> int:
        return sum(getattr(member, of) for members in self.types.values() for member in members.values())


def _table() -> _Table:
    told = _modelled()
    table = _Table()
    for signature in signatures():
        member = table.types.setdefault(signature.full, {}).setdefault(signature.member, _Member())
        match told.get(f"{signature.full}: {signature.text}"):
            case None:
                member.beyond += 1
            case True:
                member.modelled += 1
            case False:
                member.missing += 1
    return table


def _modelled() -> dict[str, bool]:
    """By signature, whether any expression that .NET compiles has a value or an exception here."""
    answerer = Answerer(SAMPLE)
    found: defaultdict[str, bool] = defaultdict(bool)
    for case in recorded():
        if "compile_error" not in expected(case):
            found[case["member"]] |= "unsupported" not in answerer.answer(case["text"], {})
    return dict(found)


def page() -> str:
    table = _table()
    modelled, within = table.total("modelled"), table.total("within")
    head = _HEAD.format(
        version="Core 3.1", answers=len(recorded()), modelled=modelled, reachable=within, share=100 * modelled / within
    )
    return head + "".join(_row(full, members) for full, members in table.types.items())


def _row(full: str, members: dict[str, _Member]) -> str:
    some = [
        f"`{name}`" + (f" {one.modelled} of {one.within}" if one.missing else "")
        for name, one in members.items()
        if one.modelled
    ]
    missing = (name for name, one in members.items() if one.missing and not one.modelled)
    beyond = (name for name, one in members.items() if not one.within)
    return f"| `{full}` | {', '.join(some)} | {_listed(missing)} | {_listed(beyond)} |\n".replace("\\|", "|")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
