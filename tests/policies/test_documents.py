"""Every policy document, in every way it can be rendered, is one that the gateway takes."""

import re
from pathlib import Path

import pytest

from actors.policy_options import PolicyOptions
from apim_policies.documents.document import Element, parse, substitute
from apim_policies.elements.builder import Builder
from apim_policies.elements.schema import check_fragment, check_policies
from apim_policies.expressions import compile_expression
from apim_policies.pipeline.values import Source
from secure_mcp.apis import documents as policy
from secure_mcp.gateway.clients import ClientOptions, KeyOptions
from secure_mcp.gateway.identity_providers import IdentityProviderOptions
from secure_mcp.server.options import UserTokenOptions

ROOT = Path(__file__).parents[2]
CLIENTS = (
    ClientOptions(id="agent", name="Agent", keys=(KeyOptions(n="g" * 342),)),
    ClientOptions(id="robot", name="Robot", keys_uri="https://robots.example.com/keys"),
)
PROVIDERS = (
    IdentityProviderOptions(
        issuer="https://login.corp.example.com",
        keys_uri="https://login.corp.example.com/keys",
        clients=("agent", "robot"),
        servers={"mcp": "Snippets.Delete Other", "team/notes": ""},
    ),
    IdentityProviderOptions(
        issuer="https://login.partner.example.com/t1",
        keys=(KeyOptions(n="g" * 342, kid="k1"),),
        user_claim="oid",
        clients=("agent",),
    ),
)
SETTINGS = {
    "defaults": PolicyOptions(),
    "function key": PolicyOptions(backend_auth="functionKey"),
    "everything": PolicyOptions(
        custom_domains=("mcp.example.com",),
        allowed_origins=("https://app.example.com", "tauri://localhost"),
        mcp_param_headers=("Region",),
        allowed_clients=("127.0.0.1",),
        client_metadata_hosts=("*",),
        mcp_scopes=("mcp:read", "mcp:write"),
        tool_scopes={"save_snippet": "mcp:write"},
        tool_roles={"delete_snippet": "Snippets.Delete"},
        clients=CLIENTS,
        identity_providers=PROVIDERS,
        user_tokens=True,
        user_token_scopes=(UserTokenOptions(scopes=("User.Read",), tools=("my_profile",)),),
    ),
    "no consent is remembered": PolicyOptions(consent_days=0, redirect_schemes=()),
    "another cloud": PolicyOptions(login_endpoint="https://login.microsoftonline.us"),
}
NAMED_VALUES = {
    "APIMGatewayURL", "EntraTenantId", "McpClientId", "EntraIDFicClientId", "OAuthScopes", "SessionStoreEndpoint",
    "RegistrationStoreEndpoint",
    "EncryptionKey", "PreviousEncryptionKey", "mcp-id", "mcp-application", "mcp-audience", "mcp-function-key",
    "mcp-token-endpoint",
}  # fmt: skip


@pytest.fixture(params=SETTINGS)
def settings(request: pytest.FixtureRequest) -> PolicyOptions:
    return SETTINGS[request.param]


def test_each_document_is_valid_and_its_expressions_compile(settings: PolicyOptions) -> None:
    values = dict.fromkeys(NAMED_VALUES, "x")
    fragments: dict[str, tuple[Element, Source]] = {}
    for id in policy.fragment_ids():
        root = parse(substitute(policy.fragment(id, settings), values, id), id)
        check_fragment(root, id)
        fragments[id] = (root, Source(id, compile_expression))
    for path in policy.paths():
        root = parse(substitute(policy.document(path, settings), values, path), path)
        check_policies(root, path)
        Builder(Source(path, compile_expression), fragments).sections(root)


def test_each_document_is_small_and_names_only_declared_values(settings: PolicyOptions) -> None:
    texts = [policy.document(path, settings) for path in policy.paths()]
    texts += [policy.fragment(id, settings) for id in policy.fragment_ids()]
    for text in texts:
        assert len(text.encode()) < 96 * 1024, "the limit is 512 KiB, and a reviewer's patience"
        assert set(re.findall(r"\{\{([^}]*)\}\}", text)) <= NAMED_VALUES
        assert not re.search(r"\[\[|\[%|\[#", text), "something was not rendered"


def test_what_comes_from_settings_cannot_leave_its_string() -> None:
    hostile = PolicyOptions(allowed_clients=('");context.Variables.Clear();("',))
    text = policy.document("oauth/authorize.xml", hostile)
    assert '\\");context.Variables.Clear();(\\"' in text
    with pytest.raises(ValueError, match="named value"):
        policy.document("oauth/authorize.xml", PolicyOptions(allowed_clients=("{{EncryptionKey}}",)))


def test_pages_have_no_script_and_load_nothing() -> None:
    for id in ("consent-page", "error-page"):
        # But for the logo of a server that has one, whose address is checked first.
        logo = 'src=\\"" + webutility.htmlencode((string)brand["logo"])'
        text = policy.fragment(id, PolicyOptions()).lower().replace(logo, "")
        for word in ("<script", "javascript:", "onclick", "onload", "src=", "@import", "url("):
            assert word not in text, word


def test_B8_no_variable_is_set_to_null_in_a_form_that_nobody_has_tried() -> None:
    """`@(null)` stands in no public policy; a body that returns null does, in Microsoft's own."""
    texts = [
        file.read_text(encoding="utf-8")
        for file in sorted((ROOT / "policies").rglob("*"))
        if file.suffix in {".xml", ".jinja"}
    ]
    assert sum("return null;" in text for text in texts) > 3
    assert not [text for text in texts if re.search(r"@\(\s*null\s*\)", text)]


def test_only_the_functions_published_by_the_settings_are_operations() -> None:
    ids = {o.id for o in policy.mcp_operations(sse=PolicyOptions().sse_published)}
    assert ids == {"mcp-post", "mcp-get", "mcp-delete"}
