"""E2: each check of an assertion is taken out of the policy once, and what it is for then gets in."""

from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from actors.assertion_agent import ALL, CONFIG, CORP, OTHER, SECRET, WRONG, Agent, now
from samples import CHECKS_BROKEN
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.recording import Recording

OPERATION = "azure-native:apimanagement:ApiOperationPolicy"


def text_of(name: str) -> str:
    """How the policy reads a claim that must be a text."""
    return f'(claims["{name}"] != null && claims["{name}"].Type == JTokenType.String ? (string)claims["{name}"] : "")'


# What the policy checks, made to always hold; and the assertions that then come through.
BROKEN: dict[str, tuple[str, str, list[str]]] = {
    "type": ('!string.Equals((string)type, "oauth-id-jag+jwt", StringComparison.OrdinalIgnoreCase)', "false",
             ["an ID token's type", "an access token's type"]),
    "audience": ('(string)audiences[0] != ((string)context.Variables["baseUrl"])', "false",
                 ["the audience of another", "the resource for an audience", "the token endpoint for an audience"]),
    "one audience": ("audiences.Count != 1", "false", ["two audiences"]),
    "client": (f'{text_of("client_id")} != ((string)context.Variables["clientId"])', "false",
               ["another client", "no client", "clients"]),
    "key": ('claims["cnf"] != null', "false", ["bound to a key"]),
    "details": ('claims["authorization_details"] != null', "false", ["bound to details", "bound to details and no scopes"]),
    "tenant": ('(claims["tenant"] ?? "").ToString() != (string)provider["tenant"]', "false",
               ["of a tenant", "of tenants", "of another tenant", "of another tenant in another case", "of no tenant"]),
    "subject": (f'{text_of("sub")} == ""', "false", ["an empty subject"]),
    "life": ('!((double)claims["exp"] <= now + 3660)', "false", ["a long life"]),
    "age": ('!((double)claims["iat"] >= now - 3660)', "false", ["made long ago"]),
    "made": ('!((double)claims["iat"] <= now + 60)', "false", ["made in the future"]),
    "not before": ('!((double)claims["nbf"] <= now + 60)', "false", ["not valid yet"]),
    "signature": ("rsa.VerifyData(signed, signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)", "true",
                  ["another issuer's key id and key", "a key of its own", "other claims under the signature"]),
    "extensions": ('header["crit"] == null', "true", ["an extension that must be understood"]),
}  # fmt: skip


@contextmanager
def clocks(clock: Callable[[], float]) -> Generator[None]:
    """Whoever signs has the clock of this cloud meanwhile."""
    signers = [provider.signer for provider in ALL]
    before = [signer.now for signer in signers]
    for signer in signers:
        signer.now = clock
    yield
    for signer, was in zip(signers, before, strict=True):
        signer.now = was


@asynccontextmanager
async def broken(type: str, name: str, old: str, new: str) -> AsyncGenerator[Agent]:
    """A gateway with one check less."""

    def change(recording: Recording) -> Recording:
        [document] = [
            resource
            for resource in recording.all(type)
            if name in {resource.get("operationId"), resource.get("id")} and old in resource.get("value")
        ]
        assert document.get("value").count(old) == 1, f"{old!r} is there {document.get('value').count(old)} times"
        return recording.changed(document.urn, value=document.get("value").replace(old, new))

    root, backend = Path(__file__).parents[2], "http://localhost:9/mcp"
    async with LocalCloud.open(
        root, stack="dev", config=CONFIG, port=0, backend=backend, recording_hook=change
    ) as cloud:
        for provider in ALL:
            cloud.network.serve(provider.host, provider.app)
        with clocks(cloud.clock.now):
            yield Agent(cloud)


@CHECKS_BROKEN
@pytest.mark.parametrize(("old", "new", "taken"), BROKEN.values(), ids=BROKEN)
async def test_E2_each_check_is_what_refuses(old: str, new: str, taken: list[str]) -> None:
    """A mutant of the policy lets exactly that in which the check is for."""
    async with broken(OPERATION, "token", old, new) as agent:
        for name in taken:
            answer = await agent.bring(WRONG[name](agent))
            assert answer.status_code == 200, f"{name}: {answer.text}"


async def test_E2_once_is_what_the_store_says() -> None:
    async with broken(
        OPERATION, "token", '"identity-assertion-" + ', '"identity-assertion-" + Guid.NewGuid().ToString() + '
    ) as agent:
        assertion = agent.assertion()
        assert [(await agent.bring(assertion)).status_code for _ in range(2)] == [200, 200]


async def test_E2_the_client_of_a_provider_is_what_the_policy_checks() -> None:
    old = '["clients"]).Any(one => (string)one == ((string)context.Variables["clientId"]))'
    async with broken(OPERATION, "token", old, '["clients"]).Any(one => true)') as agent:
        other = Agent(agent.cloud, OTHER, SECRET[::-1])
        assert (await other.bring(other.assertion(CORP))).status_code == 200


async def test_E2_an_expired_assertion_is_stopped_twice() -> None:
    """Without the check it is not remembered, and what cannot be remembered is not taken."""
    async with broken(OPERATION, "token", '!((double)claims["exp"] > now - 60)', "false") as agent:
        answer = await agent.bring(agent.assertion(exp=int(now()) - 300))
        assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
