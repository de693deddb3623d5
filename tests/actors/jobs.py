"""Tools whose work goes on after their call was answered (extension io.modelcontextprotocol/tasks, SEP-2663)."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.extension import Extension, MethodBinding, ToolBinding
from mcp.server.mcpserver import Context, require_client_extension
from mcp.shared.exceptions import MCPError
from mcp.shared.inbound import decode_header_value
from mcp_types import HEADER_MISMATCH, INVALID_PARAMS, CallToolRequestParams, InputRequiredResult, RequestParams
from pydantic import Field

from actors.asking import form, unanswered

IDENTIFIER = "io.modelcontextprotocol/tasks"


class _TaskParams(RequestParams):
    task_id: str = Field(alias="taskId")
    input_responses: dict[str, Any] = Field(default_factory=dict, alias="inputResponses")


class _Job:
    """One task: what it does, what it waits for, how it ended."""

    def __init__(self) -> None:
        self.id = secrets.token_urlsafe(16)
        self.created = self.changed = datetime.now(UTC)
        self.outcome: dict[str, Any] = {"status": "working"}
        self.waits: dict[str, dict[str, Any]] = {}
        self.answers: dict[str, Any] = {}
        self.answered = asyncio.Event()
        self.work: asyncio.Task[None] | None = None

    def settle(self, status: str, **more: Any) -> None:
        if self.outcome["status"] in {"working", "input_required"}:
            self.outcome = {"status": status, **more}
            self.changed = datetime.now(UTC)

    async def asked(self, questions: dict[str, dict[str, Any]]) -> dict[str, Any]:
        """Answers, when all are there."""
        self.waits = dict(questions)
        self.outcome = {"status": "input_required"}
        await self.answered.wait()
        self.outcome = {"status": "working"}
        return self.answers

    def answer(self, given: Mapping[str, Any]) -> None:
        for key in self.waits.keys() & given.keys():
            del self.waits[key]
            self.answers[key] = given[key]
        if not self.waits:
            self.answered.set()

    def shown(self) -> dict[str, Any]:
        return {
            "taskId": self.id,
            "createdAt": self.created.isoformat(),
            "lastUpdatedAt": self.changed.isoformat(),
            "ttlMs": 600_000,
            "pollIntervalMs": 100,
            **self.outcome,
            **({"inputRequests": self.waits} if self.waits and self.outcome["status"] == "input_required" else {}),
        }


def _text(text: str, **more: Any) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": text}], "isError": False, **more}


def _question(message: str) -> dict[str, Any]:
    asked = form(message, name="string", confirm="boolean")
    return asked.model_dump(by_alias=True, mode="json", exclude_none=True)


async def _slow_compute(job: _Job, arguments: Mapping[str, Any]) -> dict[str, Any]:
    await asyncio.sleep(float(arguments.get("seconds", 0)))
    return _text(f"computed {arguments.get('label', '')}")


async def _failing_job(job: _Job, arguments: Mapping[str, Any]) -> dict[str, Any]:
    await asyncio.sleep(0.2)
    return _text("it did not work") | {"isError": True}


async def _protocol_error_job(job: _Job, arguments: Mapping[str, Any]) -> dict[str, Any]:
    raise RuntimeError("broken")


async def _confirm_delete(job: _Job, arguments: Mapping[str, Any]) -> dict[str, Any]:
    answers = await job.asked({"confirm": _question(f"Delete {arguments.get('filename')}?")})
    return _text(f"deleted: {answers['confirm'].get('action')}")


async def _multi_input(job: _Job, arguments: Mapping[str, Any]) -> dict[str, Any]:
    await job.asked({"first": _question("First?"), "second": _question("Second?")})
    return _text("both answered")


async def _greeting_job(job: _Job, arguments: Mapping[str, Any]) -> dict[str, Any]:
    return _text(f"Hello later, {arguments['user_name']}!")


WORK: dict[str, Callable[[_Job, Mapping[str, Any]], Awaitable[dict[str, Any]]]] = {
    "slow_compute": _slow_compute,
    "failing_job": _failing_job,
    "protocol_error_job": _protocol_error_job,
    "confirm_delete": _confirm_delete,
    "multi_input": _multi_input,
    "test_tool_with_task": _greeting_job,
}
# Without the extension these cannot be served.
NEEDED = {"failing_job", "protocol_error_job", "confirm_delete", "multi_input", "test_tool_with_task"}


class Jobs(Extension):
    """Each call of one of the tools makes a task for a client that knows of tasks."""

    identifier = IDENTIFIER

    def __init__(self) -> None:
        self.jobs: dict[str, _Job] = {}

    def tools(self) -> Sequence[ToolBinding]:
        async def slow_compute(seconds: float = 0, label: str = "") -> str:
            """Takes its time."""
            await asyncio.sleep(seconds)
            return f"computed {label}"

        def greet(name: str) -> str:
            """Never a task."""
            return f"Hello, {name}!"

        def failing_job() -> str:
            """Fails, as a tool does."""
            return ""

        def protocol_error_job() -> str:
            """Fails, as a server does."""
            return ""

        def confirm_delete(filename: str = "") -> str:
            """Asks first."""
            return ""

        def multi_input() -> str:
            """Asks two things at once."""
            return ""

        def test_tool_with_task(ctx: Context) -> str | InputRequiredResult:
            """Asks, then goes on by itself."""
            return unanswered(ctx, user_name=form("What is your name?", name="string")) or ""

        made = (slow_compute, greet, failing_job, protocol_error_job, confirm_delete, multi_input, test_tool_with_task)
        return [ToolBinding(fn, kwargs={"structured_output": False}) for fn in made]

    def methods(self) -> Sequence[MethodBinding]:
        newest = frozenset({"2026-07-28"})
        handlers = {"tasks/get": self.get, "tasks/update": self.update, "tasks/cancel": self.cancel}
        return [MethodBinding(name, _TaskParams, handler, newest) for name, handler in handlers.items()]

    async def intercept_tool_call(
        self, params: CallToolRequestParams, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        work = WORK.get(params.name)
        can = ctx.session.client_capabilities
        if work is None or (params.name not in NEEDED and IDENTIFIER not in ((can and can.extensions) or {})):
            return await call_next(ctx)
        require_client_extension(ctx, IDENTIFIER)
        arguments = dict(params.arguments or {})
        if params.name == "test_tool_with_task":
            result = await call_next(ctx)
            if isinstance(result, InputRequiredResult):
                return result
            answer = (params.input_responses or {})["user_name"]
            arguments["user_name"] = (answer.content or {})["name"]  # type: ignore[union-attr]
        job = _Job()
        self.jobs[job.id] = job
        created = {"resultType": "task", **job.shown()}
        job.work = asyncio.create_task(self.run(job, work, arguments))
        return created

    async def run(
        self, job: _Job, work: Callable[[_Job, Mapping[str, Any]], Awaitable[dict[str, Any]]], arguments: dict[str, Any]
    ) -> None:
        try:
            job.settle("completed", result=await work(job, arguments))
        except asyncio.CancelledError:
            job.settle("cancelled")
        except Exception as error:
            job.settle("failed", error={"code": -32603, "message": str(error)})

    def job(self, ctx: ServerRequestContext[Any, Any], params: _TaskParams) -> _Job:
        require_client_extension(ctx, IDENTIFIER)
        named = getattr(ctx.request, "headers", {}).get("mcp-name")
        if named is not None and decode_header_value(named) != params.task_id:
            raise MCPError(HEADER_MISMATCH, "Mcp-Name names another task")
        found = self.jobs.get(params.task_id)
        if found is None:
            raise MCPError(INVALID_PARAMS, "There is no such task")
        return found

    async def get(self, ctx: ServerRequestContext[Any, Any], params: _TaskParams) -> HandlerResult:
        return self.job(ctx, params).shown()

    async def update(self, ctx: ServerRequestContext[Any, Any], params: _TaskParams) -> HandlerResult:
        self.job(ctx, params).answer(params.input_responses)
        return {}

    async def cancel(self, ctx: ServerRequestContext[Any, Any], params: _TaskParams) -> HandlerResult:
        job = self.job(ctx, params)
        job.settle("cancelled")
        if job.work is not None:
            job.work.cancel()
        return {}
