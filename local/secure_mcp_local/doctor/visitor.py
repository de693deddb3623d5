"""A browser made of plain requests: cookies and forms, no JavaScript."""

from collections.abc import Callable
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urljoin, urlsplit

import lxml.etree
import lxml.html

from secure_mcp_local.doctor.report import Failure
from secure_mcp_local.doctor.server import Answer, Server, origin_of


@dataclass(frozen=True)
class Button:
    """A way to answer a form."""

    name: str
    value: str
    label: str


@dataclass(frozen=True)
class Form:
    """A form that is sent by POST."""

    action: str
    """Absolute address."""
    fields: dict[str, str]
    """Without the buttons."""
    buttons: tuple[Button, ...]


@dataclass
class Visitor:
    """One browser. Each has cookies of its own, kept by host as browsers do; secure ones work on this computer too."""

    server: Server
    cookies: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])

    async def get(self, url: str) -> Answer:
        """Goes to an address; redirects are not followed."""
        return await self._send("GET", url, {})

    async def submit(self, page: Answer, choice: Callable[[Button], bool], **changes: str) -> Answer:
        """Answers the form of a page with the first button that fits, some fields changed.

        Raises:
            Failure: the page has no such form or button, or its form goes to another site.
        """
        form = form_of(page)
        if form is not None and origin_of(form.action) != origin_of(page.url):
            raise Failure(f"{page}: the form goes to another site")
        button = next((button for button in form.buttons if choice(button)), None) if form else None
        if form is None or button is None:
            raise Failure(f"{page}: no form with the button that was looked for")
        fields = form.fields | ({button.name: button.value} if button.name else {}) | changes
        return await self.post(form.action, fields, origin_of(page.url))

    async def post(self, url: str, fields: dict[str, str], origin: str) -> Answer:
        """Sends a form that came from a page of `origin`."""
        return await self._send("POST", url, {"Origin": origin}, fields)

    async def _send(self, method: str, url: str, headers: dict[str, str], form: dict[str, str] | None = None) -> Answer:
        host = urlsplit(urljoin(self.server.url, url)).hostname or ""
        if jar := self.cookies.get(host):
            headers = {**headers, "Cookie": "; ".join(f"{name}={value}" for name, value in jar.items())}
        answer = await self.server.send(method, url, headers={"Accept": "text/html", **headers}, form=form)
        jar = self.cookies.setdefault(host, {})
        for cookie in cookies_of(answer):
            if cookie.expired:
                jar.pop(cookie.name, None)
            else:
                jar[cookie.name] = cookie.value
        return answer


@dataclass(frozen=True)
class Cookie:
    """A cookie that an answer sets; attribute names in small letters."""

    name: str
    value: str
    attributes: dict[str, str]

    @property
    def expired(self) -> bool:
        return self.attributes.get("max-age") == "0"


def cookies_of(answer: Answer) -> list[Cookie]:
    """The cookies that an answer sets."""
    found: list[Cookie] = []
    for line in answer.headers.get_list("set-cookie"):
        try:
            morsels = SimpleCookie(line)
        except CookieError:
            continue
        for name, morsel in morsels.items():
            attributes = {key: str(value) for key, value in morsel.items() if value not in {"", False}}
            found.append(Cookie(name, morsel.value, attributes))
    return found


def document_of(page: Answer) -> lxml.html.HtmlElement | None:
    """The page as a tree; None if the answer is no page."""
    if page.media_type != "text/html":
        return None
    try:
        return lxml.html.document_fromstring(page.body)
    except (lxml.etree.LxmlError, ValueError):
        return None


def form_of(page: Answer) -> Form | None:
    """The first form of a page that is sent by POST."""
    document = document_of(page)
    for form in document.forms if document is not None else []:
        if str(form.method).upper() != "POST":
            continue
        fields: dict[str, str] = {}
        buttons: list[Button] = []
        for element in form.iter("input", "button"):
            name, value = element.get("name") or "", element.get("value") or ""
            kind = (element.get("type") or ("submit" if element.tag == "button" else "text")).lower()
            if kind == "submit":
                buttons.append(Button(name, value, (element.text_content() or value).strip()))
            elif name and kind != "button":
                fields[name] = value
        return Form(urljoin(page.url, form.get("action") or ""), fields, tuple(buttons))
    return None
