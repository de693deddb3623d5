"""Microsoft's own sample of an authorization server in policies, declared as its Bicep declares it.

Set MCP_SAMPLE to a checkout of Azure-Samples/remote-mcp-apim-functions-python: then its documents run whole, a client signs in, and
its known weaknesses show, as they do in Azure. Without it a short document of our own has the constructs that it needs.
"""

import base64
import hashlib
import html
import os
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from apim_policies.bench import Outcome, PolicyGateway
from apim_policies.gateway import ApiDeclaration, Declaration, NamedValue, OperationDeclaration

SAMPLE = os.environ.get("MCP_SAMPLE", "")
URL = "https://gateway.example"
REDIRECT = "http://localhost:6274/callback"
VERIFIER = "a-verifier-of-at-least-forty-three-characters-0123456789"
OPERATIONS = {
    "authorize": ("GET", "/authorize"), "token": ("POST", "/token"), "oauth-callback": ("GET", "/oauth-callback"),
    "register": ("POST", "/register"), "consent-get": ("GET", "/consent"), "consent-post": ("POST", "/consent"),
    "oauthmetadata-get": ("GET", "/.well-known/oauth-authorization-server"),
    "register-options": ("OPTIONS", "/register"),
}  # fmt: skip
VALUES = {
    "EntraIDTenantId": "tenant", "EntraIDClientId": "entra-client", "EntraIdFicClientId": "identity-client",
    "OAuthCallbackUri": f"{URL}/oauth-callback", "OAuthScopes": "openid", "McpClientId": "entra-client",
    "APIMGatewayURL": URL, "MCPServerName": "Sample", "CosmosDbEndpoint": "https://cosmos.example",
    "CosmosDbDatabase": "db", "CosmosDbContainer": "clients", "EncryptionIV": base64.b64encode(b"i" * 16).decode(),
    "EncryptionKey": base64.b64encode(b"k" * 32).decode(), "function-host-key": "master-key",
}  # fmt: skip


def sample() -> PolicyGateway:
    app = Path(SAMPLE) / "infra" / "app"
    documents = {
        file.name.removesuffix(".policy.xml"): file.read_text("utf-8-sig")
        for file in (app / "apim-oauth").glob("*.xml")
    }
    documents |= dict.fromkeys(("consent-get", "consent-post"), documents["consent"])
    oauth = ApiDeclaration(
        "oauth", "OAuth", "", "https://login.microsoftonline.com/tenant/oauth2/v2.0",
        [OperationDeclaration(id, id, method, template, documents[id]) for id, (method, template) in OPERATIONS.items()],
    )  # fmt: skip
    mcp = ApiDeclaration(
        "mcp", "MCP", "mcp", "https://functions.example/runtime/webhooks/mcp", [OperationDeclaration("message", "m", "POST", "/message")],
        (app / "apim-mcp" / "mcp-api.policy.xml").read_text("utf-8-sig"),
    )  # fmt: skip
    gateway = PolicyGateway(
        Declaration(URL, [oauth, mcp], named_values={name: NamedValue(value) for name, value in VALUES.items()})
    )
    gateway.mock("https://cosmos.example/*", json={})
    gateway.mock("https://login.microsoftonline.com/*", json={"access_token": "entra-token"})
    gateway.mock("https://functions.example/*", json={"result": {}})
    return gateway


def cookies(*outcomes: Outcome) -> dict[str, str]:
    pairs = [value.partition(";")[0] for one in outcomes for value in one.headers.get_list("set-cookie")]
    return {"Cookie": "; ".join(pairs)}


def query(outcome: Outcome) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(outcome.headers["location"]).query).items()}


async def signed_in(gateway: PolicyGateway, method: str = "S256") -> tuple[str, str]:
    """A code for a client that has registered and was approved, and the client's id."""
    registered = await gateway.send("POST", "/register", json={"client_name": "c", "redirect_uris": [REDIRECT]})
    client = registered.json()["client_id"]
    digest = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
    challenge = VERIFIER if method == "plain" else digest
    asked = f"client_id={client}&redirect_uri={REDIRECT}&state=client-state&code_challenge={challenge}&code_challenge_method={method}&response_type=code"
    first = await gateway.send(path=f"/authorize?{asked}")
    assert first.status == 302, first.text
    page = await gateway.send(path=first.headers["location"].removeprefix(URL))
    assert page.status == 200, page.text
    form = {
        name: html.unescape(value)
        for name, value in re.findall(r"<input type='hidden' name='(\w+)' value='([^']*)'", page.text)
    }
    submitted = await gateway.send(
        "POST", "/consent", form={**form, "consent_action": "allow"}, headers={"Origin": URL, **cookies(page)}
    )
    assert submitted.status == 302, submitted.text
    approved = await gateway.send(path=submitted.headers["location"].removeprefix(URL), headers=cookies(submitted))
    assert approved.status == 302, approved.text
    state = query(approved)["state"]
    answered = await gateway.send(
        path=f"/oauth-callback?code=entra-code&state={state}", headers=cookies(submitted, page)
    )
    assert answered.status == 302, answered.text
    return query(answered)["code"], client


async def redeemed(gateway: PolicyGateway, code: str, client: str, verifier: str = VERIFIER) -> Outcome:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "code_verifier": verifier,
        "client_id": client,
        "redirect_uri": REDIRECT,
    }
    return await gateway.send("POST", "/token", form=form)


@pytest.mark.needs("sample")
async def test_a_client_of_the_sample_signs_in_and_calls() -> None:
    gateway = sample()
    metadata = (await gateway.send(path="/.well-known/oauth-authorization-server")).json()
    assert metadata["token_endpoint"] == f"{URL}/token"
    code, client = await signed_in(gateway)
    token = await redeemed(gateway, code, client)
    assert token.status == 200, token.text
    called = await gateway.send(
        "POST", "/mcp/message", headers={"Authorization": f"Bearer {token.json()['access_token']}"}, json={}
    )
    assert called.status == 200, called.text
    # What is known of it: the host's master key goes along with everybody's calls.
    assert called.calls[-1].headers["x-functions-key"] == "master-key"
    assert (await gateway.send("POST", "/mcp/message", json={})).status == 401


@pytest.mark.needs("sample")
async def test_the_weaknesses_of_the_sample_show() -> None:
    gateway = sample()
    code, client = await signed_in(gateway, "plain")
    # `plain` is taken although only S256 is advertised, and a code is good more than once.
    assert (await redeemed(gateway, code, client)).status == 200
    assert (await redeemed(gateway, code, client)).status == 200
    assert (await redeemed(gateway, code, client, "0other")).status == 400


CONSTRUCTS = """<policies>
  <inbound>
    <base />
    <authentication-managed-identity resource="api://exchange" client-id="{{entraidficclientid}}" output-token-variable-name="assertion" />
    <set-variable name="sealed" value="@(Convert.ToBase64String(Encoding.UTF8.GetBytes("s").Encrypt("Aes", Convert.FromBase64String("{{EncryptionKey}}"), Convert.FromBase64String("{{EncryptionIV}}"))))" />
    <cache-store-value key="@($"K-{context.Variables.GetValueOrDefault("sealed")}")" value="@("held")" duration="60" />
    <set-method>POST</set-method>
    <set-body>@($"assertion={context.Variables.GetValueOrDefault("assertion")}&none={context.Variables.GetValueOrDefault("none")}")</set-body>
  </inbound>
  <backend><base /></backend>
  <outbound>
    <base />
    <authentication-managed-identity resource="https://cosmos.azure.com" output-token-variable-name="cosmos" />
    <cache-lookup-value key="@($"K-{context.Variables.GetValueOrDefault("sealed")}")" variable-name="found" />
    <choose>
      <when condition="@(context.Variables.GetValueOrDefault("found") == null)"><return-response><set-status code="500" reason="No" /></return-response></when>
    </choose>
    <send-request mode="new" response-variable-name="r" timeout="5"><set-url>https://cosmos.example/docs</set-url><set-header name="Authorization"><value>@($"sig={context.Variables.GetValueOrDefault<string>("cosmos")}")</value></set-header></send-request>
    <set-body>@(((IResponse)context.Variables["r"]).StatusCode.ToString() + (string)context.Variables["found"])</set-body>
  </outbound>
  <on-error><base /></on-error>
</policies>"""


async def test_what_the_sample_needs_of_policies() -> None:
    api = ApiDeclaration(
        "a", "A", "a", "https://backend.example", [OperationDeclaration("o", "O", "GET", "/")], CONSTRUCTS
    )
    gateway = PolicyGateway(
        Declaration(URL, [api], named_values={name: NamedValue(value) for name, value in VALUES.items()})
    )
    gateway.mock("https://backend.example/*")
    gateway.mock("https://cosmos.example/*", status=201)
    outcome = await gateway.send(path="/a")
    assert outcome.text == "201held"
    backend, cosmos = outcome.calls
    assert re.fullmatch(r"assertion=bench\.[\w-]+\.token&none=", backend.text)
    assert cosmos.headers["authorization"].startswith("sig=bench.")
