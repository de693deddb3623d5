"""Tools and a prompt of an MCP server that ask the client's user, model or roots in the middle of a call.

From 2026-07-28 on a call that needs an answer ends with what is asked, and comes again with the answers (multi-round-trip
requests); before, the server asked on the stream of the call.
"""

from typing import Annotated, Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.prompts.base import UserMessage
from mcp.shared.exceptions import MCPError
from mcp_types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    CreateMessageRequest,
    CreateMessageRequestParams,
    CreateMessageResult,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitRequestURLParams,
    ElicitResult,
    InputRequest,
    InputRequiredResult,
    ListRootsRequest,
    SamplingMessage,
    TextContent,
)
from pydantic import BaseModel, Field

Answer = str | InputRequiredResult


def form(message: str, **types: str) -> ElicitRequest:
    """A form with a field for each name."""
    fields = {name: {"type": kind} for name, kind in types.items()}
    schema = {"type": "object", "properties": fields, "required": list(types)}
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def prompted(text: str) -> CreateMessageRequest:
    """A question for the client's model."""
    message = SamplingMessage(role="user", content=TextContent(type="text", text=text))
    return CreateMessageRequest(params=CreateMessageRequestParams(messages=[message], max_tokens=100))


def unanswered(ctx: Context, state: str | None = None, **asked: InputRequest) -> InputRequiredResult | None:
    """What has no answer yet, to be returned in place of a result."""
    left = {key: request for key, request in asked.items() if key not in (ctx.input_responses or {})}
    return InputRequiredResult(input_requests=left, request_state=state) if left else None


def filled(ctx: Context, key: str) -> dict[str, Any]:
    """What a form was filled in with."""
    answer = (ctx.input_responses or {}).get(key)
    return dict(answer.content or {}) if isinstance(answer, ElicitResult) else {}


def _from_2026(mcp: MCPServer) -> None:
    name = form("What is your name?", name="string")

    @mcp.tool()
    def test_input_required_result_elicitation(ctx: Context) -> Answer:
        """A form."""
        return unanswered(ctx, user_name=name) or f"Hello, {filled(ctx, 'user_name')['name']}!"

    @mcp.tool()
    def test_input_required_result_sampling(ctx: Context) -> Answer:
        """A question for the model."""
        asked = unanswered(ctx, capital_question=prompted("What is the capital of France?"))
        answer = (ctx.input_responses or {}).get("capital_question")
        return asked or (str(answer.content) if isinstance(answer, CreateMessageResult) else "no answer")

    @mcp.tool()
    def test_input_required_result_list_roots(ctx: Context) -> Answer:
        """The client's folders."""
        return unanswered(ctx, client_roots=ListRootsRequest()) or str((ctx.input_responses or {})["client_roots"])

    @mcp.tool()
    def test_input_required_result_request_state(ctx: Context) -> Answer:
        """A form, and a state that comes back."""
        asked = unanswered(ctx, "kept", confirm=form("Please confirm", ok="boolean"))
        return asked or ("state-ok" if ctx.request_state == "kept" else "state-lost")

    @mcp.tool()
    def test_input_required_result_tampered_state(ctx: Context) -> Answer:
        """A state that nobody else can make."""
        return unanswered(ctx, "mine", confirm=form("Please confirm", ok="boolean")) or "done"

    @mcp.tool()
    def test_input_required_result_multiple_inputs(ctx: Context) -> Answer:
        """Everything at once."""
        asked = unanswered(
            ctx, "all", user_name=name, greeting=prompted("Generate a greeting"), client_roots=ListRootsRequest()
        )
        return asked or "done"

    @mcp.tool()
    def test_input_required_result_multi_round(ctx: Context) -> Answer:
        """One form after the other."""
        if ctx.request_state is None:
            return InputRequiredResult(
                input_requests={"step1": form("Step 1: What is your name?", name="string")}, request_state="1"
            )
        if ctx.request_state == "1":
            color = form("Step 2: What is your favorite color?", color="string")
            state = f"2 {filled(ctx, 'step1').get('name')}"
            return InputRequiredResult(input_requests={"step2": color}, request_state=state)
        return f"{ctx.request_state.removeprefix('2 ')} likes {filled(ctx, 'step2').get('color')}"

    @mcp.tool()
    def test_input_required_result_capabilities(ctx: Context) -> Answer:
        """Only what the client can do."""
        can = ctx.client_capabilities
        asked: dict[str, InputRequest] = {}
        if can and can.sampling is not None:
            asked["question"] = prompted("Who are you?")
        if can and can.elicitation is not None:
            asked["name"] = name
        return unanswered(ctx, **asked) or "nothing to ask"

    @mcp.tool()
    def open_account(ctx: Context) -> Answer:
        """Something that must not pass through the client: a page of the server's own (elicitation by URL)."""
        page = ElicitRequestURLParams(message="Enter your card there.", url="https://pay.example/start?for=me")
        asked = unanswered(ctx, "opened", payment=ElicitRequest(params=page))
        answer = (ctx.input_responses or {}).get("payment")
        return asked or f"account: {answer.action if isinstance(answer, ElicitResult) else 'nobody knows'}"

    @mcp.tool()
    async def test_streaming_elicitation(ctx: Context) -> Answer:
        """Progress first, a question at the end."""
        await ctx.report_progress(1, 2)
        return unanswered(ctx, user_name=name) or "done"

    @mcp.tool()
    def test_missing_capability(ctx: Context) -> str:
        """Of no use to a client without a model."""
        can = ctx.client_capabilities
        if can is None or can.sampling is None:
            missing = {"requiredCapabilities": {"sampling": {}}}
            raise MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, "The client has no sampling", missing)
        return "done"

    @mcp.prompt()
    def test_input_required_result_prompt(ctx: Context) -> list[UserMessage] | InputRequiredResult:
        """A prompt with a form."""
        asked = unanswered(ctx, user_context=form("What context should the prompt use?", context="string"))
        return asked or [UserMessage(content=f"In the context of {filled(ctx, 'user_context')['context']}")]


class _Named(BaseModel):
    username: str = Field(description="User's response")
    email: str = Field(description="User's email address")


class _Defaults(BaseModel):
    name: str = "John Doe"
    age: int = 30
    score: float = 95.5
    status: Annotated[str, Field(json_schema_extra={"enum": ["active", "inactive", "pending"]})] = "active"
    verified: bool = True


def _titled(word: str) -> list[dict[str, str]]:
    return [{"const": f"value{turn}", "title": f"{turn}. {word}"} for turn in (1, 2, 3)]


class _Choices(BaseModel):
    untitledSingle: Annotated[str, Field(json_schema_extra={"enum": ["option1", "option2", "option3"]})]
    titledSingle: Annotated[str, Field(json_schema_extra={"oneOf": _titled("option")})]  # type: ignore[dict-item]
    legacyEnum: Annotated[
        str,
        Field(json_schema_extra={"enum": ["opt1", "opt2", "opt3"], "enumNames": ["One", "Two", "Three"]}),
    ]
    untitledMulti: Annotated[
        list[str], Field(json_schema_extra={"items": {"type": "string", "enum": ["option1", "option2", "option3"]}})
    ]
    titledMulti: Annotated[list[str], Field(json_schema_extra={"items": {"anyOf": _titled("choice")}})]  # type: ignore[dict-item]


def _before_2026(mcp: MCPServer) -> None:
    @mcp.tool()
    async def test_sampling(prompt: str, ctx: Context) -> str:
        """A question for the model, on the stream of the call."""
        asked = prompted(prompt).params
        answer = await ctx.session.create_message(asked.messages, max_tokens=asked.max_tokens)
        return f"LLM response: {answer.content}"

    @mcp.tool()
    async def test_elicitation(message: str, ctx: Context) -> str:
        """A form, on the stream of the call."""
        answer = await ctx.elicit(message, _Named)
        return f"User response: {answer}"

    @mcp.tool()
    async def test_elicitation_sep1034_defaults(ctx: Context) -> str:
        """A form that is filled in already."""
        return f"Elicitation completed: {await ctx.elicit('Who are you?', _Defaults)}"

    @mcp.tool()
    async def test_elicitation_sep1330_enums(ctx: Context) -> str:
        """A form with choices."""
        return f"Elicitation completed: {await ctx.elicit('Choose', _Choices)}"


def add_questions(mcp: MCPServer) -> None:
    """Adds them to a server."""
    _from_2026(mcp)
    _before_2026(mcp)
