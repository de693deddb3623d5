"""cors: who may call from a browser.

https://learn.microsoft.com/azure/api-management/cors-policy
"""

from dataclasses import dataclass

from secure_mcp_local.apim.call import Call, Returned
from secure_mcp_local.expressions.context import Headers, Response


@dataclass(frozen=True)
class Cors:
    origins: tuple[str, ...]
    methods: tuple[str, ...]
    headers: tuple[str, ...]
    exposed: tuple[str, ...]
    max_age: str | None
    allow_credentials: bool
    terminate_unmatched: bool

    async def run(self, call: Call) -> None:
        """Adds its headers to the answer of an allowed origin, whatever it will be."""
        origin = call.context.request.headers.get("Origin")
        if origin is None:
            return
        if not self.allows(origin):
            # Of requests without a preflight only: the browser does not send the others.
            if self.terminate_unmatched and call.context.request.method in {"GET", "HEAD"}:
                raise Returned(Response(200, "OK"))
            return
        call.cors_headers = self._common(origin)
        if self.exposed:
            call.cors_headers.set("Access-Control-Expose-Headers", ",".join(self.exposed))

    def preflight(self, origin: str, method: str) -> Headers | None:
        """The headers of the answer to a preflight request, or None if it is not allowed."""
        if not self.allows(origin) or not ("*" in self.methods or method.upper() in self.methods):
            return None
        headers = self._common(origin)
        headers.set("Access-Control-Allow-Methods", ",".join(self.methods))
        if self.headers:
            headers.set("Access-Control-Allow-Headers", ",".join(self.headers))
        if self.max_age is not None:
            headers.set("Access-Control-Max-Age", self.max_age)
        return headers

    def allows(self, origin: str) -> bool:
        return "*" in self.origins or origin in self.origins

    def _common(self, origin: str) -> Headers:
        headers = Headers([("Access-Control-Allow-Origin", "*" if "*" in self.origins else origin)])
        if "*" not in self.origins:
            headers.set("Vary", "Origin")
        if self.allow_credentials:
            headers.set("Access-Control-Allow-Credentials", "true")
        return headers
