"""Mutants: what is made of a stack, what counts as noticed, and a sample of ours by a seed that is printed."""

import os
import random
from pathlib import Path

import pytest

from secure_mcp_local.errors import LocalCloudError
from secure_mcp_local.mutants.equivalents import EQUIVALENTS
from secure_mcp_local.mutants.generation import mutants
from secure_mcp_local.mutants.judgement import Judge
from secure_mcp_local.mutants.living import Life
from secure_mcp_local.mutants.mutant import GONE, Mutant
from secure_mcp_local.mutants.report import Run, page
from secure_mcp_local.recording import Recording, record

ROOT = Path(__file__).parents[3]
SITE, PLAN = "azure-native:web:WebApp", "azure-native:web:AppServicePlan"


@pytest.fixture(scope="module")
def ours() -> Recording:
    return record(ROOT, "prod", {"apimPublisherEmail": "mcp@example.com"})


@pytest.fixture(scope="module")
def judge(ours: Recording) -> Judge:
    return Judge(ours)


def test_every_resource_has_some_and_each_changes_the_stack(ours: Recording) -> None:
    made = mutants(ours)
    declared = [one for one in ours if one.custom and one.type.startswith(("azure-native:", "azuread:"))]
    assert {one.urn for one in made} == {one.urn for one in declared}
    assert {one.kind for one in made} == {"drop", "empty", "swap", "foreign", "weaker", "dependency"}
    assert len(made) == len({str(one) + one.urn for one in made})


def mutant(ours: Recording, type: str, kind: str, path: tuple[str | int, ...], value: object = GONE) -> Mutant:
    resource = ours.one(type)
    return Mutant(resource.urn, type, resource.name, kind, path, value, (resource.name,))


def test_a_mistake_is_noticed_by_the_rule_that_knows_it(ours: Recording, judge: Judge) -> None:
    verdict = judge.judged(mutant(ours, SITE, "weaker", ("publicNetworkAccess",), "Enabled"))
    assert verdict.by == "open-beside-private"
    assert "mcp-func" in verdict.said
    assert judge.judged(mutant(ours, PLAN, "weaker", ("reserved",), value=False)).by == "plan-kind"


def test_what_changes_nothing_is_not_noticed(ours: Recording, judge: Judge) -> None:
    same = mutant(ours, SITE, "weaker", ("publicNetworkAccess",), "Disabled")
    assert not judge.judged(same).killed


def test_a_message_that_does_not_name_the_mistake_does_not_count(ours: Recording, judge: Judge) -> None:
    resource = ours.one(SITE)
    elsewhere = Mutant(
        resource.urn, SITE, resource.name, "weaker", ("publicNetworkAccess",), "Enabled", ("nothing-of-it",)
    )
    verdict = judge.judged(elsewhere)
    assert not verdict.killed
    assert "open-beside-private" in verdict.said


def test_equivalents_have_a_reason_and_a_source_and_are_few(ours: Recording, judge: Judge) -> None:
    for one in EQUIVALENTS:
        assert one.reason
        assert one.source.startswith("https://")


def test_a_sample_of_ours_is_noticed(ours: Recording, judge: Judge) -> None:
    seed = int(os.environ.get("MUTANTS_SEED") or random.SystemRandom().randrange(1_000_000))
    made = mutants(ours)
    run = Run("prod", len(made), seed, False, [judge.judged(one) for one in random.Random(seed).sample(made, 60)])
    missed = "\n".join(str(one.mutant) for one in run.survivors)
    assert run.score >= LEAST, f"MUTANTS_SEED={seed}:\n{missed}"
    assert "| prod |" in page([run])


def test_a_stack_that_nobody_can_use_says_so_instead_of_judging() -> None:
    life = Life([ROOT], "prod", {"apimPublisherEmail": "mcp@example.com"})
    with pytest.raises(LocalCloudError, match=r"cannot be used here without a mistake(?s:.)*assigned"):
        life.expect()


def test_what_check_does_not_see_is_seen_by_using_it() -> None:
    stack = record(ROOT, "dev", {"apimPublisherEmail": "mcp@example.com"})
    [policy] = [one for one in stack if one.name == "mcp-oauth-authorize-policy"]
    # As well-formed as before; nothing that is read shows that no client asks so.
    wrong = policy.inputs["value"].replace('parameters["response_type"]', 'parameters["code_challenge"]')
    assert wrong != policy.inputs["value"]
    other = Mutant(policy.urn, policy.type, policy.name, "weaker", ("value",), wrong, ("/authorize",))
    silent = Judge(stack).judged(other)
    assert not silent.killed
    life = Life([ROOT], "dev", {"apimPublisherEmail": "mcp@example.com"})
    life.expect()
    seen = life.lived(silent)
    assert seen.by == "local"
    assert "/authorize" in seen.said


LEAST = 90.0
"""Of 100, in a sample of sixty; the whole is in docs/mutants.md."""
