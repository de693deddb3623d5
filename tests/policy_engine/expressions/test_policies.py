"""The product's own policies: every expression compiles, and those that security rests on give what they should."""

import base64
import hmac
import re
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from actors.policy_options import PolicyOptions
from apim_policies.expressions import Expression, Profile, compile_expression, scan_expression, to_python
from apim_policies.expressions.context import Api, Context, Operation, Request, Url
from secure_mcp.apis import documents as policy
from secure_mcp.gateway.clients import ClientOptions, KeyOptions
from secure_mcp.gateway.identity_providers import IdentityProviderOptions
from secure_mcp.server.options import UserTokenOptions, WorkloadOptions

KEY, PREVIOUS_KEY = bytes(range(64)), bytes(range(64, 128))
NAMED_VALUES = {
    "APIMGatewayURL": "https://gateway.example",
    "EncryptionKey": f"2.{base64.b64encode(KEY).decode()}",
    "PreviousEncryptionKey": f"1.{base64.b64encode(PREVIOUS_KEY).decode()}",
}
SETTINGS = {
    "default": PolicyOptions(),
    "everything": PolicyOptions(
        custom_domains=("mcp.example.com",),
        allowed_origins=("http://localhost:6274",),
        allowed_clients=("claude.ai",),
        client_metadata_hosts=("*",),
        mcp_scopes=("mcp:tools", "snippets:write"),
        tool_scopes={"save_snippet": "snippets:write"},
        tool_roles={"delete_snippet": "Snippets.Delete"},
        tool_callers={"list_snippets": "workloads"},
        user_tokens=True,
        user_token_scopes=(
            UserTokenOptions(scopes=("User.Read",), tools=("my_profile",)),
            UserTokenOptions(
                application="3e0a7a5e-0000-4000-8000-00000000000a", scopes=("Entries.Read",), tools=("find_entry",)
            ),
        ),
        workloads=(
            WorkloadOptions(client="robot", roles=("Snippets.Delete",)),
            WorkloadOptions(
                application="40b07000-0000-4000-8000-000000000001", principal="40b07000-0000-4000-8000-000000000002"
            ),
        ),
        clients=(
            ClientOptions(id="copilot", name="Copilot", redirect_uris=("https://app.example/cb",), secret="s" * 32),
            ClientOptions(id="agent", name="Agent", keys=(KeyOptions(n="x" * 342, kid="1"),)),
            ClientOptions(id="robot", name="Robot", keys_uri="https://keys.example.com/jwks", workload=True),
            ClientOptions(
                id="pipeline",
                name="Pipeline",
                issuer="https://token.actions.githubusercontent.com",
                subject="repo:acme/tools:ref:refs/heads/main",
                workload=True,
            ),
        ),
        identity_providers=(
            IdentityProviderOptions(
                issuer="https://login.corp.example.com",
                keys_uri="https://login.corp.example.com/keys",
                clients=("agent", "robot"),
                servers={"mcp": "Snippets.Delete"},
            ),
            IdentityProviderOptions(
                issuer="https://login.partner.example.com",
                keys=(KeyOptions(n="x" * 342, kid="1"),),
                user_claim="oid",
                clients=("agent",),
            ),
        ),
    ),
    "function key": PolicyOptions(backend_auth="functionKey", consent_days=0),
}


def documents(settings: PolicyOptions) -> dict[str, str]:
    return {path: policy.document(path, settings) for path in policy.paths()} | {
        f"fragments/{name}.xml": policy.fragment(name, settings) for name in policy.fragment_ids()
    }


def expressions(text: str) -> list[str]:
    """Every attribute value or text run that is an expression, with sample named values."""
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r"\{\{([\w-]+)\}\}", lambda match: NAMED_VALUES.get(match[1], f"sample-{match[1]}"), text)
    found: list[str] = []
    at = 0
    while start := re.compile(r"[\">]\s*(?=@[({])").search(text, at):
        at = scan_expression(text, start.end())
        found.append(text[start.end() : at])
    return found


@cache
def compiled(document: str, part: str, settings: str = "default") -> Expression:
    """The only expression of a document that contains this text."""
    (text,) = {text for text in expressions(documents(SETTINGS[settings])[document]) if part in text}
    return compile_expression(text, document=document)


def run(expression: Expression, profile: Profile | None = None, **variables: object) -> Any:
    request = Request("GET", Url("https", "gateway.example", 443, "/"), Url("https", "gateway.example", 443, "/"))
    context = Context(request, Api("oauth"), Operation("o"), variables=variables)
    return to_python(expression.evaluate(context, profile or Profile()))


@pytest.mark.parametrize("settings", SETTINGS)
def test_every_expression_compiles(settings: str) -> None:
    count = 0
    for path, text in documents(SETTINGS[settings]).items():
        for expression in expressions(text):
            compile_expression(expression, document=path)
            count += 1
    assert count > 150


def seal(text: str, purpose: str = "test", profile: Profile | None = None) -> str:
    return run(compiled("fragments/seal.xml", "Encrypt("), profile, sealInput=text, sealPurpose=purpose)


def unseal(text: object, purpose: str = "test") -> str:
    return run(compiled("fragments/unseal.xml", "Decrypt("), sealInput=text, sealPurpose=purpose)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
@example("")
@example("\U0001f600 é")
def test_what_is_sealed_comes_back(text: str) -> None:
    assert unseal(seal(text)) == text


def test_a_seal_is_aes_cbc_and_hmac_sha256_as_anyone_computes_them() -> None:
    sealed = seal("hello", profile=Profile(random_bytes=bytes))
    data = base64.urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))
    assert data[:17] == b"\x02" + bytes(16)
    # openssl enc -aes-256-cbc -K 000102..1f -iv 0 of "hello"
    assert data[17:33].hex() == AES_OF_HELLO
    assert data[33:] == hmac.digest(KEY[32:], b"test\0" + data[:33], "sha256")


AES_OF_HELLO = "91684487c34c3456eb4e901cef884a1e"


def flipped(sealed: str, index: int) -> str:
    data = bytearray(base64.urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4)))
    data[index] ^= 1
    return base64.urlsafe_b64encode(bytes(data)).decode().rstrip("=")


@pytest.mark.parametrize("index", [0, 1, 16, 17, 32, 33, 64])
def test_a_changed_seal_opens_to_nothing(index: int) -> None:
    sealed = seal("hello")
    assert unseal(sealed) == "hello"
    assert unseal(flipped(sealed, index)) == ""


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text + "=",
        lambda text: text + "\n",
        lambda text: " " + text,
        lambda text: text.replace(text[5], "é", 1),
        lambda text: text[:-1],
        lambda text: text + "A",
        lambda text: text[:40],
        lambda text: "",
        lambda text: None,
        lambda text: "A" * 16388,
        lambda text: 5,
    ],
)
def test_only_the_one_text_of_a_seal_opens(change: Callable[[str], object]) -> None:
    assert unseal(change(seal("hello"))) == ""


def test_a_seal_is_for_its_purpose_only() -> None:
    assert unseal(seal("hello", "client"), "transaction") == ""


def test_the_previous_key_opens_and_another_does_not() -> None:
    (text,) = expressions(policy.fragment("seal", PolicyOptions()))
    for version, key, expected in (("1", PREVIOUS_KEY, "hello"), ("1", KEY, ""), ("3", PREVIOUS_KEY, "")):
        older = text.replace(NAMED_VALUES["EncryptionKey"], f"{version}.{base64.b64encode(key).decode()}")
        sealed = run(compile_expression(older), sealInput="hello", sealPurpose="test")
        assert unseal(sealed) == expected


def test_members_say_which_expressions_read_the_body() -> None:
    readers = {
        path
        for path, text in documents(SETTINGS["default"]).items()
        for expression in expressions(text)
        if "IRequest.Body" in compile_expression(expression).members
    }
    assert "oauth/register.xml" in readers
    assert "fragments/seal.xml" not in readers
