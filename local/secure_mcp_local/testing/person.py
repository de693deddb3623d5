"""A person at a browser: cookies, redirects and forms, and a mind of their own at each page."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from urllib.parse import urljoin, urlsplit

import httpx
import lxml.html

from secure_mcp_local.testing.web import tls

_SAFARI = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.4 Safari/605.1.15"


@dataclass
class Person:
    """Visits pages as a browser does. Cookies belong to a host; `localhost` may use secure ones, as in browsers.

    `answer` is what the person chooses on the consent page ("allow" or "deny"), `name` who signs in at Entra ID.
    """

    name: str = "alice"
    answer: str = "allow"
    safari: bool = False
    """Whether the browser is Safari, which keeps no cookies marked Secure that came over plain http."""
    cookies: dict[str, dict[str, str]] = field(default_factory=dict)
    visited: list[httpx.Response] = field(default_factory=list)
    now: Callable[[], float] = time.time
    """The clock, in seconds since the Unix epoch, by which cookies expire; a local cloud's is `cloud.clock.now`."""
    _expires: dict[tuple[str, str], float] = field(default_factory=dict)

    async def request(
        self,
        method: str,
        url: str,
        *,
        data: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """One request with this browser's cookies; redirects are not followed."""
        host = urlsplit(url).hostname or ""
        sent = {"User-Agent": _SAFARI, **(headers or {})} if self.safari else dict(headers or {})
        if jar := self.jar(host):
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in jar.items())
        async with httpx.AsyncClient(trust_env=False, timeout=30, verify=tls()) as client:
            response = await client.request(method, url, data=data, headers=sent)
        jar = self.cookies.setdefault(host, {})
        for line in response.headers.get_list("set-cookie"):
            for name, morsel in SimpleCookie(line).items():
                if morsel["secure"] and self.safari and url.startswith("http:"):
                    continue
                if morsel["max-age"] == "0":
                    jar.pop(name, None)
                    continue
                jar[name] = morsel.value
                self._expires[host, name] = self.now() + float(morsel["max-age"] or "inf")
        self.visited.append(response)
        return response

    def jar(self, host: str) -> dict[str, str]:
        """The cookies that a host gets now, oldest first; what has expired is gone."""
        jar = self.cookies.get(host, {})
        for name in [name for name in jar if self._expires.get((host, name), float("inf")) <= self.now()]:
            del jar[name]
        return jar

    async def sign_in(self, url: str, *, headers: dict[str, str] | None = None) -> httpx.Response | str:
        """Follows a sign-in from its first address to its end.

        Returns the address at which the client would be called, or the last page if it ends with one.
        """
        response = await self.request("GET", url, headers=headers)
        for _ in range(20):
            if response.is_redirect:
                target = urljoin(str(response.request.url), response.headers["location"])
                if not self._is_page(target):
                    return target
                response = await self.request("GET", target)
                continue
            if "refresh" in response.headers:
                # Shown for a while, and then left.
                return response.headers["refresh"].partition("url=")[2]
            form = self._form(response)
            if form is None:
                return response
            response = await self.submit(response)
        raise AssertionError("the sign-in never ends")

    async def submit(self, page: httpx.Response, **changes: str) -> httpx.Response:
        """Answers the form of a page as this person does, with some fields changed."""
        form = self._form(page)
        assert form is not None, f"no form on {page.request.url}: {page.text}"
        fields = {name: value for name, value in form.fields.items() if name and value is not None}
        choices = {
            button.get("name"): [other.get("value") for other in form.xpath(f".//button[@name='{button.get('name')}']")]
            for button in form.xpath(".//button[@name]")
        }
        for name, values in choices.items():
            wanted = [value for value in values if self.answer == value or self.name in value.lower()]
            fields[name] = wanted[0] if wanted else values[0]
        here = str(page.request.url)
        headers = {"Origin": "{0.scheme}://{0.netloc}".format(urlsplit(here))}
        return await self.request(
            "POST", urljoin(here, form.get("action") or ""), data=fields | changes, headers=headers
        )

    def _is_page(self, url: str) -> bool:
        """Whether the address is one of the sign-in's own pages and not the client's."""
        parts = urlsplit(url)
        return parts.path == "/oauth-callback" or "/oauth2/v2.0/" in parts.path

    @staticmethod
    def _form(response: httpx.Response) -> lxml.html.FormElement | None:
        if "html" not in response.headers.get("content-type", ""):
            return None
        forms = lxml.html.fromstring(response.text).forms
        return forms[0] if forms else None
