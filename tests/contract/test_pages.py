"""Pages in an organisation's own name and colours, known clients, the greeting, and a browser that keeps no Secure cookies on http."""

import json
import re

import httpx
import pytest
from starlette.responses import JSONResponse

from contract.conftest import ROOT, CloudWith
from samples import CONFIGURED
from secure_mcp.apis.branding import BrandOptions, ServerBrandOptions
from secure_mcp.apis.colours import contrast
from secure_mcp.options import ConfigError
from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.recording import Recording
from secure_mcp_local.testing import Application, Person


async def get(url: str) -> httpx.Response:
    return await Person().request("GET", url)


async def test_pages_carry_what_is_configured(cloud_with: CloudWith) -> None:
    config = {
        "organisation": 'Contoso & "Söhne"',
        "logoUrl": "https://cdn.contoso.example/brand/logo.svg",
        "supportUrl": "https://contoso.example/help?a=1&b=2",
        "accentColor": "#7a1fa2",
        "accentColorDark": "#d9a6ff",
    }
    async with cloud_with(**config) as cloud:
        application = Application(cloud.gateway_url)
        (await application.register()).raise_for_status()
        for url in (application.authorize_url(), application.authorize_url(client_id="unknown"), cloud.gateway_url):
            page = await get(url)
            assert "Contoso &amp; &#34;Söhne&#34;" in page.text
            assert 'src="https://cdn.contoso.example/brand/logo.svg"' in page.text
            assert "img-src https://cdn.contoso.example;" in page.headers["content-security-policy"]
            assert 'href="https://contoso.example/help?a=1&amp;b=2"' in page.text
            assert "--accent: #7a1fa2; --on-accent: #ffffff" in page.text
            assert "--accent: #d9a6ff; --on-accent: #0b1526" in page.text


BRAND = {
    "serverOwner": 'Finance & "Co"',
    "serverLogoUrl": "https://finance.contoso.example/a/logo.svg",
    "serverSupportUrl": "mailto:finance@contoso.example",
    "serverAccentColor": "#7a1fa2",
    "serverAccentColorDark": "#d9a6ff",
}


@pytest.mark.parametrize(
    "gateway", [{}, {"logoUrl": "https://cdn.contoso.example/logo.svg", "organisation": "Contoso"}]
)
async def test_a_server_has_looks_of_its_own_where_people_decide(
    cloud_with: CloudWith, gateway: dict[str, str]
) -> None:
    async with cloud_with(**BRAND, **gateway) as cloud:
        application = Application(cloud.gateway_url)
        (await application.register()).raise_for_status()
        page = await get(application.authorize_url())
        policy = page.headers["content-security-policy"]
        assert "Finance &amp; &quot;Co&quot;, http" in page.text
        assert '<img class="logo" src="https://finance.contoso.example/a/logo.svg" alt="">MCP server' in page.text
        assert '<a href="mailto:finance@contoso.example">Help with this server</a>' in page.text
        own = " https://cdn.contoso.example" if gateway else ""
        assert f"img-src{own} https://finance.contoso.example;" in policy
        [nonce] = re.findall(r"'nonce-([\w-]{43})'", policy)
        [style] = re.findall(f'<style nonce="{nonce}">(.*?)</style>', page.text)
        assert style == (
            "@media (prefers-color-scheme: light) { :root { --accent: #7a1fa2; --on-accent: #ffffff; } }"
            "@media (prefers-color-scheme: dark) { :root { --accent: #d9a6ff; --on-accent: #0b1526; } }"
        )
        again = (await get(application.authorize_url())).headers["content-security-policy"]
        assert nonce not in again, "a nonce is for one page"
        # Every other page is the gateway's.
        error = await get(application.authorize_url(client_id="unknown"))
        assert "finance" not in error.text + error.headers["content-security-policy"]


async def test_a_server_without_looks_changes_nothing(cloud_with: CloudWith) -> None:
    async with cloud_with() as cloud:
        application = Application(cloud.gateway_url)
        (await application.register()).raise_for_status()
        page = await get(application.authorize_url())
        assert "img-src 'none';" in page.headers["content-security-policy"]
        assert page.text.count("<style") == 1
        assert "Help with" not in page.text


@CONFIGURED
@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("logo", "https://evil.example/a.svg; script-src *"),
        ("logo", "https://evil.example/'onerror='x"),
        ("logo", "javascript:alert(1)"),
        ("support", "javascript:alert(1)"),
        ("support", 'https://evil.example/\\" onclick=\\"x'),
        ("accent", "red; } body { display: none"),
        ("onAccentDark", "#ffffff; } </style><script>"),
        ("owner", "<script>alert(1)</script>"),
        ("logo", "https://evil.example/" + 600 * "a"),
    ],
)
async def test_what_a_server_of_another_team_says_of_its_looks_is_looks_and_no_more(part: str, value: str) -> None:
    """Its policies are its own: the library's checks are not the gateway's."""

    # A colour counts with the one that is written on it.
    beside = {"accent": '["onAccent"] = "#ffffff"', "onAccentDark": '["accentDark"] = "#ffffff"'}.get(part, "")

    def hostile(recording: Recording) -> Recording:
        for policy in recording.all("azure-native:apimanagement:ApiPolicy"):
            text = policy.inputs["value"]
            if '["brand"] = new JObject' in text:
                changed = re.sub(
                    r'(\["brand"\] = new JObject\s*\{).*?\}',
                    lambda found: found[1] + f'["{part}"] = "{value}", {beside} }}',
                    text,
                    flags=re.DOTALL,
                )
                assert changed != text
                recording = recording.changed(policy.urn, value=changed)
        return recording

    async with LocalCloud.open(
        ROOT, stack="dev", port=0, backend="http://localhost:9/mcp", recording_hook=hostile
    ) as cloud:
        application = Application(cloud.gateway_url)
        (await application.register()).raise_for_status()
        page = await get(application.authorize_url())
        assert page.status_code == 200
        assert "evil.example" not in page.text + page.headers["content-security-policy"]
        for bad in ("javascript:", "onclick", "onerror", "display: none", "<script"):
            assert bad not in page.text
        assert "script-src" not in page.headers["content-security-policy"]


async def test_scopes_are_sentences_of_the_server(cloud_with: CloudWith) -> None:
    scopes = json.dumps(["mcp:tools", "snippets:write", "snippets:odd"])
    meanings = json.dumps({"snippets:write": 'Save "and" change <snippets>'})
    async with cloud_with(mcpScopes=scopes, scopeDescriptions=meanings) as cloud:
        application = Application(cloud.gateway_url)
        (await application.register()).raise_for_status()
        page = (await get(application.authorize_url(scope="mcp:tools snippets:write snippets:odd"))).text
        assert "<li>Use the tools of this server as you<span><code>mcp:tools</code></span></li>" in page
        assert "<li>Save &quot;and&quot; change &lt;snippets&gt;<span><code>snippets:write</code></span></li>" in page
        assert "<li>What this server calls<span><code>snippets:odd</code></span></li>" in page


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("accent_color", "#ffd400", "contrast with #f3f5f9 is 1.3 to 1"),
        ("accent_color_dark", "#1f5fd0", "contrast with #11151c is 3."),
        ("accent_color", "red", "six hexadecimal digits"),
        ("logo_url", "http://contoso.example/logo.svg", "https"),
        ("logo_url", "https://contoso.example/a.svg; script-src *", "https"),
        ("support_url", "javascript:alert(1)", "https"),
        ("server_accent_color", "#ffd400", "contrast with #f3f5f9 is 1.3 to 1"),
        ("server_logo_url", "http://contoso.example/logo.svg", "https"),
        ("server_support_url", "javascript:alert(1)", "https"),
        ("organisation", "{{EncryptionKey}}", "without braces"),
        ("organisation", "%tx%", "per cent"),
    ],
)
def test_what_cannot_be_read_or_does_not_belong_on_a_page_is_refused(name: str, value: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        (ServerBrandOptions if name.startswith("server_") else BrandOptions).of({name: value})


def test_contrast_is_that_of_the_guidelines() -> None:
    # https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio: black on white is 21; #767676 is the lightest grey with 4.5 on white.
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.005)


async def test_S9_a_known_client_is_named_by_who_publishes_it_and_warned_of_calmly(cloud_with: CloudWith) -> None:
    document = "https://apps.example.com/desktop.json"
    loopback, own = "http://127.0.0.1:5000/callback", "https://apps.example.com/callback"
    foreign = "https://elsewhere.example/callback"
    metadata = {"client_id": document, "client_name": "Desk", "redirect_uris": [loopback, own, foreign]}

    hosts = json.dumps(["apps.example.com"])
    async with cloud_with(clientMetadataHosts=hosts) as cloud:
        cloud.network.serve("apps.example.com", JSONResponse(metadata))
        application = Application(cloud.gateway_url, client_id=document)
        page = (await get(application.authorize_url(redirect_uri=loopback))).text
        assert "<strong>apps.example.com</strong> publishes" in page
        assert '<div class="notice"' in page
        assert '<div class="warning"' not in page
        page = (await get(application.authorize_url(redirect_uri=own))).text
        assert 'role="note"' not in page
        page = (await get(application.authorize_url(redirect_uri=foreign))).text
        assert '<div class="warning"' in page


async def test_a_person_is_greeted_with_the_address_and_how_to_connect(cloud: LocalCloud) -> None:
    page = await get(cloud.gateway_url + "/")
    assert page.status_code == 200
    assert cloud.gateway_url + "/mcp" in page.text
    assert "claude mcp add --transport http" in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none';")


async def test_a_browser_that_keeps_no_secure_cookies_on_http_signs_in_at_the_local_cloud(cloud: LocalCloud) -> None:
    application = Application(cloud.gateway_url)
    (await application.register()).raise_for_status()
    safari = Person(safari=True)
    for _ in range(3):
        address = await safari.sign_in(application.authorize_url(prompt="consent"))
        assert isinstance(address, str), address.text
        assert "code=" in address
    # Cookies are still what binds a sign-in to a browser: without them it ends at the form.
    thief = Person(safari=True)
    page = await thief.request("GET", application.authorize_url())
    thief.cookies.clear()
    assert (await thief.submit(page)).status_code == 403


async def test_every_other_browser_sees_cookies_as_on_azure(cloud: LocalCloud) -> None:
    application = Application(cloud.gateway_url)
    (await application.register()).raise_for_status()
    chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
    page = await Person().request("GET", application.authorize_url(), headers={"User-Agent": chrome})
    for line in page.headers.get_list("set-cookie"):
        assert line.startswith("__Host-")
        assert "; Secure" in line
