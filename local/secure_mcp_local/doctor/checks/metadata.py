"""What clients find out before they sign in: RFC 9728 and RFC 8414."""

from urllib.parse import urlsplit

from secure_mcp_local.doctor.check import Section
from secure_mcp_local.doctor.checks.grants import ASSERTIONS, WORKLOADS
from secure_mcp_local.doctor.client import text_of, texts_of
from secure_mcp_local.doctor.report import Failure, Skipped, settled
from secure_mcp_local.doctor.server import is_loopback, origin_of
from secure_mcp_local.doctor.subject import Subject, metadata_url

SECTION = Section("What clients find out")

_GRANTS = {"authorization_code", "refresh_token", WORKLOADS, ASSERTIONS}


@SECTION.check(
    "resource-metadata",
    "M1",
    "Protected resource metadata names exactly the address that users type",
    why="Clients compare it with the address they were given and refuse to sign in when it differs.",
    fix="Serve both well-known paths without a key, `resource` being the public address as users type it.",
)
async def resource_metadata(subject: Subject) -> str:
    problems: list[str] = []
    for url in subject.resource_metadata_urls:
        answer = await subject.send("GET", url)
        if answer.status != 200 or answer.media_type != "application/json":
            problems.append(str(answer))
            continue
        metadata = answer.object()
        if metadata.get("resource") != subject.url:
            problems.append(f"{answer.path}: resource is {metadata.get('resource')!r}, not {subject.url!r}")
        if not texts_of(metadata, "authorization_servers"):
            problems.append(f"{answer.path}: no authorization_servers")
    return settled(problems, f"resource {subject.url}")


@SECTION.check(
    "server-metadata",
    "M3",
    "Authorization server metadata has the issuer that the resource names, byte for byte",
    why="A client that finds another issuer must assume that somebody mixes servers up, and stops (RFC 8414, section 3.3).",
    fix='Serve it where RFC 8414 says for the issuer in authorization_servers[0], with response_types_supported ["code"].',
)
async def server_metadata(subject: Subject) -> str:
    issuer = await subject.issuer()
    if origin_of(issuer) != subject.server.origin:
        raise Skipped(f"sign-in is with {issuer}, which is not this server")
    answer = await subject.send("GET", metadata_url(issuer))
    if answer.status != 200 or answer.media_type != "application/json":
        raise Failure(str(answer))
    metadata = answer.object()
    problems: list[str] = []
    if metadata.get("issuer") != issuer:
        problems.append(f"issuer is {metadata.get('issuer')!r}, the resource names {issuer!r}")
    if texts_of(metadata, "response_types_supported") != ["code"]:
        problems.append(f"response_types_supported is {metadata.get('response_types_supported')!r}")
    foreign = set(texts_of(metadata, "grant_types_supported") or ["authorization_code", "implicit"]) - _GRANTS
    if foreign:
        problems.append(f"grants that should not be here: {', '.join(sorted(foreign))}")
    return settled(problems, f"issuer {issuer}")


@SECTION.check(
    "pkce-advertised",
    "M3",
    "PKCE with S256, and nothing else, is advertised",
    why="MCP clients refuse servers that do not advertise S256; `plain` protects nobody.",
    fix='code_challenge_methods_supported: ["S256"].',
)
async def pkce_advertised(subject: Subject) -> str:
    advertised = (await subject.metadata()).get("code_challenge_methods_supported")
    return settled([] if advertised == ["S256"] else [f"code_challenge_methods_supported is {advertised!r}"], "S256")


@SECTION.check(
    "public-clients",
    "M3",
    "Clients can do without a secret",
    why="Programs on users' computers cannot keep one; without `none` many clients do not even try.",
    fix="token_endpoint_auth_methods_supported with none in it (left out, it means client_secret_basic alone).",
)
async def public_clients(subject: Subject) -> str:
    advertised = (await subject.metadata()).get("token_endpoint_auth_methods_supported")
    fine = isinstance(advertised, list) and "none" in advertised
    return settled([] if fine else [f"token_endpoint_auth_methods_supported is {advertised!r}"], "none")


@SECTION.check(
    "endpoints",
    "M3",
    "Every advertised endpoint exists, and is https",
    why="A client follows the metadata; an address without anything behind it ends the sign-in.",
    fix="Advertise only operations that are deployed; compare the metadata policy with the API's operations.",
)
async def endpoints(subject: Subject) -> str:
    metadata = await subject.metadata()
    problems = [
        f"no {name}_endpoint" for name in ("authorization", "token") if not text_of(metadata, f"{name}_endpoint")
    ]
    found = {name: text_of(metadata, name) for name in sorted(metadata) if name.endswith("_endpoint")}
    for name, url in found.items():
        if urlsplit(url).scheme != "https" and not is_loopback(url):
            problems.append(f"{name} is {url}: not https")
        if origin_of(url) != subject.server.origin:
            continue
        answer = await subject.send("GET" if name == "authorization_endpoint" else "POST", url)
        if not 400 <= answer.status < 500 or answer.status in {404, 405}:
            problems.append(f"{name} without parameters: {answer}")
    return settled(problems, f"{len(found)} endpoints")


@SECTION.check(
    "issuer-parameter",
    "S2",
    "The metadata says that answers carry `iss`",
    why="Without it a client that talks to several servers cannot tell whose answer it got (mix-up, RFC 9207).",
    fix="authorization_response_iss_parameter_supported: true.",
)
async def issuer_parameter(subject: Subject) -> str:
    advertised = (await subject.metadata()).get("authorization_response_iss_parameter_supported")
    fine = advertised is True
    return settled([] if fine else [f"authorization_response_iss_parameter_supported is {advertised!r}"], "advertised")


@SECTION.check(
    "aliases",
    "S6",
    "Older clients find the same metadata",
    why="Clients of older versions of MCP look at the OpenID path, or below the path of the resource.",
    fix="Serve the same document at /.well-known/openid-configuration and at both paths with the resource's path added.",
)
async def aliases(subject: Subject) -> str:
    metadata = await subject.metadata()
    issuer, path = await subject.issuer(), urlsplit(subject.url).path.rstrip("/")
    base = metadata_url(issuer)
    openid = metadata_url(issuer, "openid-configuration")
    problems: list[str] = []
    for url in dict.fromkeys([openid, base + path, openid + path]):
        answer = await subject.send("GET", url)
        if answer.status != 200:
            problems.append(str(answer))
        elif answer.object() != metadata:
            problems.append(f"{answer.path} says something else")
    return settled(problems, "all the same")


@SECTION.check(
    "unknown-well-knowns",
    "M4",
    "Well-known paths that mean nothing are not found",
    why="A 401 or 500 there makes clients believe that there is something to sign in to, or that the server is broken.",
    fix="Declare no catch-all operation over /.well-known; API Management then answers 404 itself.",
)
async def unknown_well_knowns(subject: Subject) -> str:
    problems: list[str] = []
    for path in ("/.well-known/secure-mcp-doctor", "/.well-known/oauth-protected-resource/secure-mcp-doctor"):
        answer = await subject.send("GET", path)
        if answer.status != 404:
            problems.append(str(answer))
    return settled(problems, "404")
