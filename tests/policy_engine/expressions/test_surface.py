"""Every member of every type that API Management admits: it gives what .NET gives, or it is refused by name. None is said not to be.

The answers are recorded by `python -m fuzz.members --ask`, which also writes the page that this compares.
"""

from collections import defaultdict
from typing import Any

import pytest

from apim_policies.expressions.dotnet import surface
from apim_policies.expressions.trial.answers import Answerer
from apim_policies.expressions.trial.samples import SAMPLE
from fuzz.members.cases import expected, recorded
from fuzz.members.page import PAGE, page
from fuzz.members.samples import RECEIVERS
from fuzz.members.signatures import Signature, signatures

NAMED = [one for one in signatures() if one.kind not in {"constructor", "conversion", "operator", "indexer"}]


def by_type() -> dict[str, list[dict[str, Any]]]:
    found: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for case in recorded():
        found[case["member"].partition(":")[0]].append(case)
    return found


BY_TYPE = by_type()


@pytest.mark.parametrize("type", BY_TYPE)
def test_members_give_what_csharp_gives_or_are_refused_by_name(type: str) -> None:
    answerer = Answerer(SAMPLE)
    for case in BY_TYPE[type]:
        answer, wanted = answerer.answer(case["text"], {}), expected(case)
        if "unsupported" in answer:
            assert answer["unsupported"], case
        elif "compile_error" in answer:
            assert set(answer["compile_error"]) <= set(wanted.get("compile_error", ())), (case, answer)
        elif "varies" in case and "result" in wanted:
            assert answer["result"]["type"] == wanted["result"]["type"], (case, answer)
        else:
            assert answer == wanted, case


def test_no_member_of_dotnet_is_said_to_be_missing() -> None:
    assert len(NAMED) > 2500
    false = [one for one in NAMED if surface.lacks(one.type, one.member, static=one.static)]
    assert not false


def test_each_type_of_the_surface_has_the_members_of_its_signatures() -> None:
    names: defaultdict[str, set[str]] = defaultdict(set)
    for one in NAMED:
        names[one.type].add(one.member)
    for type, members in names.items():
        known = surface.surface(type)
        if known is not None:
            assert members <= known.members.keys() | known.statics.keys(), type


@pytest.mark.parametrize("type", sorted(RECEIVERS))
def test_a_member_that_dotnet_does_not_have_is_an_error(type: str) -> None:
    first: Signature = next(one for one in signatures() if one.type == type)
    instance = Answerer(SAMPLE).answer(f"@(({RECEIVERS[type][0]}).Nonsense)", {})
    static = Answerer(SAMPLE).answer(f"@({first.written}.Nonsense)", {})
    for answer, code in ((instance, "CS1061"), (static, "CS0117")):
        refused = answer.get("unsupported", "")
        # The type itself is not modelled, or a base that is not on API Management's list may have the member.
        assert (
            answer == {"compile_error": [code]}
            or (refused and "Nonsense" not in refused)
            or surface.surface(type) is None
        )


def test_the_page_tells_what_is_modelled() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: make pages"
