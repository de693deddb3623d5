"""What a browser sees of Entra ID: plain HTML forms, no JavaScript."""

from pathlib import Path

import jinja2
from starlette.responses import HTMLResponse, Response

from apim_policies.clock import Clock
from secure_mcp.apis.colours import Plain
from secure_mcp.apis.templates import style
from secure_mcp_local.azure.entra.directory import GRAPH
from secure_mcp_local.azure.entra.permissions import Permissions
from secure_mcp_local.azure.entra.refusal import Refusal, timestamp_of

PRIVATE = {
    "Cache-Control": "no-store",
    "Pragma": "no-cache",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Headers of every answer that concerns one user."""
_SECURITY = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
}
_DESCRIPTIONS = {
    "openid": "Sign you in",
    "profile": "View your basic profile",
    "email": "View your email address",
    "offline_access": "Maintain access to data you have given it access to",
}


class Pages:
    """Renders the templates beside this module."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._style = style(Plain())
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=jinja2.StrictUndefined,
        )

    def sign_in(self, application: str, asked: Permissions, people: list[dict[str, object]]) -> Response:
        """Who are you, and do you agree?"""
        resource = "Microsoft Graph" if asked.resource == GRAPH else asked.resource
        permissions = [text for name, text in _DESCRIPTIONS.items() if name in asked.openid]
        permissions += [f"{name} of {resource}" for name in sorted(asked.names)]
        return self._render("sign-in.html", application=application, permissions=permissions, people=people)

    def error(self, refusal: Refusal, *, again: str = "") -> Response:
        """A refusal that no application may hear of. `again`: where to sign in as somebody else."""
        need_admin = refusal.code == 90094
        return self._render(
            "error.html",
            status=refusal.status,
            title="Need admin approval" if need_admin else "Sorry, but we're having trouble signing you in.",
            refusal=refusal,
            again=again,
            timestamp=timestamp_of(self._clock),
        )

    def greeting(self, people: list[str]) -> Response:
        """For who opens the address that the local cloud prints. Entra ID itself has no such page."""
        return self._render("greeting.html", people=people)

    def signed_out(self) -> Response:
        """After signing out."""
        return self._render("signed-out.html")

    def _render(self, template: str, status: int = 200, **values: object) -> Response:
        html = self._templates.get_template(template).render(style=self._style, **values)
        return HTMLResponse(html, status, headers={**PRIVATE, **_SECURITY})
