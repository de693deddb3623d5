"""A real client: an application that registers, authorizes and asks for tokens as one is documented to (`tests/contract/client_shapes.yaml`)."""

import base64
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import yaml

from secure_mcp_local.testing import Application

SHAPES: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parents[1] / "contract" / "client_shapes.yaml").read_text("utf-8")
)


@dataclass
class ShapedClient(Application):
    """`shape` is a row of the file; what it says of `mcp:tools` is meant of the server's own first scope."""

    shape: dict[str, Any] = field(default_factory=dict[str, Any])
    secret: str = ""

    async def register(self, **changes: Any) -> httpx.Response:
        """As the client does, whatever `Application` would send."""
        registration = await self.send("POST", "/register", json=self.shape["register"] | changes)
        if registration.status_code == 201:
            client = registration.json()
            self.client_id, self.secret = client["client_id"], client.get("client_secret", "")
            self.redirect_uri = self.shape.get("redirect", self.shape["register"]["redirect_uris"][0])
            if "port" in self.shape:
                self.redirect_uri = re.sub(r":\d+/", f":{self.shape['port']}/", self.redirect_uri)
        return registration

    def authorize_url(self, **changes: str | None) -> str:
        return super().authorize_url(**self.shape.get("authorize", {}) | changes)

    async def token(self, **form: str | None) -> httpx.Response:
        """One request to /token, authenticated as the client does it."""
        headers: dict[str, str] = {}
        sent: dict[str, Any] = {"client_id": self.client_id, "resource": self.resource, **form}
        if self.shape.get("secret") == "basic":
            pair = f"{quote(sent.pop('client_id'))}:{quote(self.secret)}"
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        elif self.shape.get("secret") == "post":
            sent["client_secret"] = self.secret
        sent |= self.shape.get("token", {})
        data = {name: value for name, value in sent.items() if value is not None}
        return await self.send("POST", "/token", data=data, headers=headers)

    async def exchange(self, code: str, /, **changes: str | None) -> httpx.Response:
        form = {"code": code, "redirect_uri": self.redirect_uri, "code_verifier": self.verifier} | changes
        return await self.token(grant_type="authorization_code", **form)

    async def refresh(self, refresh_token: str, /, **changes: str | None) -> httpx.Response:
        return await self.token(grant_type="refresh_token", refresh_token=refresh_token, **changes)
