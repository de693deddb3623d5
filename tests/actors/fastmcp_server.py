"""A server made with FastMCP, which speaks both eras: a second opinion beside the SDK's own."""

from typing import Annotated, Any

from fastmcp import Context, FastMCP
from fastmcp.server.dependencies import get_http_headers
from mcp_types import ElicitRequest, ElicitRequestURLParams, ElicitResult, InputRequiredResult
from pydantic import Field
from starlette.types import ASGIApp

from actors.asking import form


def _answer(ctx: Context, key: str) -> ElicitResult | None:
    answer = (ctx.input_responses or {}).get(key)
    return answer if isinstance(answer, ElicitResult) else None


def app() -> ASGIApp:
    """Over streamable HTTP at /mcp."""
    mcp: FastMCP[Any] = FastMCP("another one")

    @mcp.tool
    def who() -> str:
        """Whom the gateway speaks for."""
        return get_http_headers(include_all=True).get("x-mcp-user-oid", "")

    @mcp.tool
    def test_region(region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})], size: int = 1) -> str:
        """One of its arguments comes as a header as well."""
        return f"{size} in {region}"

    @mcp.tool
    def test_input_required_result_multi_round(ctx: Context) -> str | InputRequiredResult:
        """One form after the other."""
        if ctx.request_state is None:
            return InputRequiredResult(input_requests={"step1": form("Your name?", name="string")}, request_state="1")
        if ctx.request_state == "1":
            name = _answer(ctx, "step1")
            state = f"2 {((name and name.content) or {}).get('name')}"
            return InputRequiredResult(
                input_requests={"step2": form("Your color?", color="string")}, request_state=state
            )
        color = _answer(ctx, "step2")
        return f"{ctx.request_state.removeprefix('2 ')} likes {((color and color.content) or {}).get('color')}"

    @mcp.tool
    def open_account(ctx: Context) -> str | InputRequiredResult:
        """Something that must not pass through the client: a page of the server's own."""
        answer = _answer(ctx, "payment")
        if answer is None:
            page = ElicitRequestURLParams(message="Enter your card there.", url="https://pay.example/start?for=me")
            return InputRequiredResult(input_requests={"payment": ElicitRequest(params=page)}, request_state="opened")
        return f"account: {answer.action}"

    return mcp.http_app(path="/mcp")
