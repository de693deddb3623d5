"""The consent page and what follows it, up to where a person would sign in."""

import re
from urllib.parse import parse_qs, urlencode, urlsplit

from secure_mcp_local.doctor.check import Section
from secure_mcp_local.doctor.checks.authorization import authorize, error_problems, refusal_problems
from secure_mcp_local.doctor.client import Client, challenge_of
from secure_mcp_local.doctor.report import Skipped, settled
from secure_mcp_local.doctor.server import Answer, origin_of
from secure_mcp_local.doctor.sign_in import allows, denies
from secure_mcp_local.doctor.subject import FOREIGN, ODD_NAME, Subject
from secure_mcp_local.doctor.visitor import Cookie, Visitor, cookies_of, document_of, form_of

SECTION = Section("Consent")


async def _consent(subject: Subject, client: Client, visitor: Visitor) -> Answer:
    """The consent page.

    Raises:
        Skipped: there is none.
    """
    page = await visitor.get(client.authorize_url(await subject.endpoint("authorization")))
    if page.status != 200 or form_of(page) is None:
        raise Skipped(f"no consent page ({page}; see consent)")
    return page


@SECTION.check(
    "consent",
    "M13",
    "Users are asked first, and told who asks, for what, and where it leads",
    why="Entra ID asks only once for all clients: without a page of its own, any client gets in on another's consent.",
    fix="Show the consent page before Entra ID for each client and redirect URI, every value encoded.",
)
async def consent(subject: Subject) -> str:
    client = await subject.web_client()
    page = await authorize(subject, client)
    if page.location is not None:
        return settled([f"redirected to {urlsplit(page.location).netloc} without asking"], "")
    document, form = document_of(page), form_of(page)
    if page.status != 200 or document is None or form is None:
        return settled([f"{page}: no form"], "")
    problems: list[str] = []
    # Not the title, where markup is always text.
    body = document.find("body")
    text = body.text_content() if body is not None else ""
    if ODD_NAME not in text:
        problems.append("the client's name is not shown as it is (or as markup)")
    if "doctor.invalid" not in text:
        problems.append("where the redirect goes is not shown")
    if missing := [scope for scope in client.scope.split() if scope not in text]:
        problems.append(f"the scope is not shown: {' '.join(missing)}")
    if not any(allows(button) for button in form.buttons) or not any(denies(button) for button in form.buttons):
        problems.append("no buttons to allow and to deny")
    return settled(problems, "name, redirect host and scopes are shown, encoded")


@SECTION.check(
    "consent-headers",
    "M13",
    "The consent page cannot be framed, scripted or stored",
    why="A page of somebody else could put it into a frame and make the user click `allow` unknowingly.",
    fix="Content-Security-Policy with default-src 'none' and frame-ancestors 'none', X-Frame-Options DENY, no-store; no script.",
)
async def consent_headers(subject: Subject) -> str:
    page = await _consent(subject, await subject.client(), Visitor(subject.server))
    policy = {
        words[0].lower(): [word.lower() for word in words[1:]]
        for directive in page.headers.get("content-security-policy", "").split(";")
        if (words := directive.split())
    }
    problems: list[str] = []
    if policy.get("frame-ancestors") != ["'none'"]:
        problems.append("no frame-ancestors 'none'")
    if policy.get("script-src", policy.get("default-src")) != ["'none'"]:
        problems.append("the content security policy lets scripts run")
    if page.headers.get("x-frame-options", "").upper() != "DENY":
        problems.append("no X-Frame-Options: DENY")
    if "no-store" not in page.headers.get("cache-control", ""):
        problems.append("no Cache-Control: no-store")
    document = document_of(page)
    if document is not None:
        if document.xpath("//script"):
            problems.append("there is a script")
        if document.xpath("//@*[starts-with(name(), 'on')]"):
            problems.append("there are event handlers")
        if document.xpath("//*[@src] | //link[@href]"):
            problems.append("it loads something")
    return settled(problems, "frame-ancestors 'none', no script, no-store")


@SECTION.check(
    "consent-forgery",
    "M13",
    "An answer that this browser was not shown the question for is refused",
    why="Another site could send the form in the user's name and so consent for them.",
    fix="Bind a token in the form to a cookie and to this sign-in; refuse a foreign Origin (policies/oauth/consent.xml).",
)
async def consent_forgery(subject: Subject) -> str:
    client = await subject.client()
    problems: list[str] = []
    for what in ("without the cookie", "with another sign-in's form token", "from another origin"):
        visitor = Visitor(subject.server)
        page = await _consent(subject, client, visitor)
        form = form_of(page)
        other = form_of(await _consent(subject, client, Visitor(subject.server)))
        button = next((button for button in form.buttons if allows(button)), None) if form else None
        if form is None or other is None or button is None or origin_of(form.action) != subject.server.origin:
            raise Skipped("the consent page has no button to allow on this server (see consent)")
        fields = {**form.fields, button.name: button.value}
        origin = subject.server.origin
        if what == "without the cookie":
            visitor.cookies.clear()
        elif what == "from another origin":
            origin = FOREIGN
        else:
            # The longest hidden field is the token, whatever it is called.
            token = max(form.fields.items(), key=lambda item: len(item[1]), default=("", ""))[0]
            fields[token] = other.fields.get(token, "")
        problems += refusal_problems(await visitor.post(form.action, fields, origin), what)
    return settled(problems, "refused")


@SECTION.check(
    "consent-warning",
    "S9",
    "The page warns when the code goes to a program on this computer",
    why="Any program on the computer can pretend to be the client; a user who started none should stop here.",
    fix="Show a warning for loopback redirect URIs (policies/pages/notice.html), and none for others.",
)
async def consent_warning(subject: Subject) -> str:
    local = await _consent(subject, await subject.client(), Visitor(subject.server))
    web = await _consent(subject, await subject.web_client(), Visitor(subject.server))
    pages = [re.sub(r"\s+", " ", local.text).lower(), re.sub(r"\s+", " ", web.text).lower()]
    warned = ["this computer" in page or "this device" in page for page in pages]
    problems: list[str] = []
    if not warned[0]:
        problems.append("no warning for a redirect to this computer")
    if warned[1]:
        problems.append("the same warning for a web application, so nobody heeds it")
    return settled(problems, "a warning for loopback redirects only")


@SECTION.check(
    "consent-denied",
    "M15",
    "A user who says no is sent back with access_denied",
    why="The client waits for an answer; an error page leaves it waiting.",
    fix="Redirect to the client with error=access_denied, state and iss.",
)
async def consent_denied(subject: Subject) -> str:
    client, visitor = await subject.client(), Visitor(subject.server)
    page = await _consent(subject, client, visitor)
    answer = await visitor.submit(page, denies)
    return settled(await error_problems(subject, answer, client, "denied", "access_denied"), "error=access_denied")


class _Approval:
    """A consent that was given by a browser in which nobody signs in: what the gateway asks Entra ID."""

    def __init__(self, client: Client, visitor: Visitor, page: Answer, answer: Answer) -> None:
        self.client, self.visitor, self.page, self.answer = client, visitor, page, answer
        self.target = urlsplit(answer.location or "")
        self.request = parse_qs(self.target.query, keep_blank_values=True)

    def one(self, name: str) -> str:
        """A parameter of the request to Entra ID, "" unless it is there once."""
        values = self.request.get(name, [])
        return values[0] if len(values) == 1 else ""

    def callback(self, **parameters: str) -> str:
        """The address to which Entra ID would send the browser.

        Raises:
            Skipped: it is not on this server.
        """
        if origin_of(self.one("redirect_uri")) != origin_of(self.page.url):
            raise Skipped("the way back does not lead to this server (see upstream-request)")
        return f"{self.one('redirect_uri')}?{urlencode(parameters)}"

    @property
    def new_cookies(self) -> list[Cookie]:
        """Cookies that came with the approval."""
        return [cookie for cookie in cookies_of(self.answer) if not cookie.expired]


async def _approved(subject: Subject) -> _Approval:
    client, visitor = await subject.client(), Visitor(subject.server)
    page = await _consent(subject, client, visitor)
    answer = await visitor.submit(page, allows)
    approval = _Approval(client, visitor, page, answer)
    if approval.target.path == "" or not approval.one("state"):
        raise Skipped(f"the approval does not lead to an identity provider ({answer})")
    return approval


@SECTION.check(
    "upstream-request",
    "M12",
    "Nothing of the client's is handed on to the identity provider",
    why="A client could ask for Entra's own scopes in the gateway's name; Entra ID refuses `resource`.",
    fix="Build the request to Entra ID from configuration alone (policies/fragments/sign-in.xml).",
)
async def upstream_request(subject: Subject) -> str:
    approval = await _approved(subject)
    problems = [f"{name} is handed on" for name in ("resource", "prompt") if name in approval.request]
    if handed := set(approval.one("scope").split()) & set(approval.client.scope.split()):
        problems.append(f"the client's scope is handed on: {' '.join(sorted(handed))}")
    if approval.one("client_id") == approval.client.client_id:
        problems.append("the client's own client_id is handed on")
    if not approval.one("redirect_uri").startswith(subject.server.origin):
        problems.append("the identity provider is told to send the browser to somewhere else than this server")
    return settled(problems, f"asks {approval.target.netloc} for {approval.one('scope')}")


@SECTION.check(
    "upstream-pkce",
    "M16",
    "The gateway protects its own sign-in: state, nonce and PKCE, new each time",
    why="Else somebody can slip another user's sign-in under a browser, and the gateway takes it for this one's.",
    fix="Send a random state and nonce and an S256 challenge of the gateway's own to Entra ID.",
)
async def upstream_pkce(subject: Subject) -> str:
    first, second = await _approved(subject), await _approved(subject)
    problems: list[str] = []
    if first.one("code_challenge_method") != "S256" or not re.fullmatch(r"[\w-]{43}", first.one("code_challenge")):
        problems.append("no PKCE with S256")
    for name in ("state", "nonce", "code_challenge"):
        if not first.one(name) or first.one(name) == second.one(name):
            problems.append(f"{name} is missing or the same each time")
    if len(first.one("state")) < 22:
        problems.append("state has less than 128 bits")
    if first.one("state") == first.client.state or first.one("code_challenge") == challenge_of(first.client.verifier):
        problems.append("the client's own values are used")
    return settled(problems, "state, nonce and challenge of its own")


@SECTION.check(
    "binding-cookie",
    "M14",
    "Approval binds the sign-in to this browser by a cookie",
    why="Without it an attacker starts a sign-in, lets a victim finish it, and gets the victim's session.",
    fix="Set a sealed `__Host-` cookie (Secure, HttpOnly, SameSite=Lax, ten minutes) on approval and not before.",
)
async def binding_cookie(subject: Subject) -> str:
    approval = await _approved(subject)
    before = {cookie.name for cookie in cookies_of(approval.page)}
    problems: list[str] = []
    fresh = [cookie for cookie in approval.new_cookies if cookie.name not in before]
    if not fresh:
        problems.append("no cookie is set on approval")
    for cookie in [*cookies_of(approval.page), *approval.new_cookies]:
        name = re.sub(r"[0-9a-zA-Z_-]{12,}$", "...", cookie.name)
        if not cookie.name.startswith("__Host-"):
            problems.append(f"{name} has no __Host- prefix")
        missing = [flag for flag in ("secure", "httponly", "samesite") if flag not in cookie.attributes]
        if missing or cookie.attributes.get("samesite", "").lower() == "none":
            problems.append(f"{name} is not {', '.join(missing) or 'SameSite=Lax or Strict'}")
        if "domain" in cookie.attributes or cookie.attributes.get("path") != "/":
            problems.append(f"{name} is for other hosts or paths")
    return settled(problems, f"{len(fresh)} cookies, __Host-, Secure, HttpOnly, SameSite")


@SECTION.check(
    "callback-bound",
    "M14",
    "The way back from the identity provider works in this browser only, and once",
    why="An attacker who gets a victim to open such an address would be signed in as them, or they as the attacker.",
    fix="Check the cookie and delete the stored sign-in when it is used (policies/oauth/oauth-callback.xml): 403, no redirect.",
)
async def callback_bound(subject: Subject) -> str:
    approval = await _approved(subject)
    back = approval.callback(error="access_denied", state=approval.one("state"))
    stranger = Visitor(subject.server)
    problems = refusal_problems(await stranger.get(back), "another browser")
    made_up = approval.callback(code="x", state="secure-mcp-doctor")
    problems += refusal_problems(await approval.visitor.get(made_up), "a made-up state")
    kept = {host: dict(jar) for host, jar in approval.visitor.cookies.items()}
    await approval.visitor.get(back)
    replay = await Visitor(subject.server, kept).get(back)
    problems += refusal_problems(replay, "a second time")
    return settled(problems, "refused")


@SECTION.check(
    "upstream-error",
    "M15",
    "An error of the identity provider reaches the client",
    why="A user who cancels at Entra ID would end on a page that leads nowhere, and the client waits.",
    fix="Map Entra's errors to OAuth errors and redirect with state and iss; leave Entra's own texts out.",
)
async def upstream_error(subject: Subject) -> str:
    approval = await _approved(subject)
    state = approval.one("state")
    back = approval.callback(error="access_denied", error_description="secure-mcp-doctor-detail", state=state)
    answer = await approval.visitor.get(back)
    problems = await error_problems(subject, answer, approval.client, "access_denied upstream", "access_denied")
    if "secure-mcp-doctor-detail" in (answer.location or "") + answer.text:
        problems.append("the text of the identity provider is handed on")
    return settled(problems, "error=access_denied")
