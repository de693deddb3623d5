"""A stand-in for a model behind the gateway: it answers chats, also as a stream, makes embeddings, and tells tokens.

It has the addresses of Azure OpenAI and of Azure AI Content Safety; what it says is the same every time.
"""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from apim_policies.elements.language_models import estimated, prompt_of

_SIZE = 64
"""Numbers of an embedding."""


class ModelEndpoint:
    """`app` is the ASGI application; `asked` has every request."""

    def __init__(self, answer: str = "Hello.") -> None:
        self.answer = answer
        self.asked: list[Mapping[str, Any]] = []
        self.app = Starlette(routes=[Route("/{path:path}", self._respond, methods=["POST"])])

    async def _respond(self, request: Request) -> Response:
        question: dict[str, Any] = await request.json()
        self.asked.append(question)
        path = request.url.path
        if path.endswith("/embeddings"):
            vector = embedding(prompt_of(question))
            usage = {"prompt_tokens": estimated(prompt_of(question)), "total_tokens": estimated(prompt_of(question))}
            return JSONResponse({"object": "list", "data": [{"index": 0, "embedding": vector}], "usage": usage})
        if path.endswith("text:analyze"):
            return JSONResponse(
                {
                    "categoriesAnalysis": [
                        {"category": one, "severity": _severity(question, one)}
                        for one in question.get("categories", [])
                    ]
                }
            )
        if path.endswith("text:shieldPrompt"):
            attack = "ignore all previous" in str(question.get("userPrompt", "")).lower()
            return JSONResponse({"userPromptAnalysis": {"attackDetected": attack}})
        if question.get("stream"):
            told = (question.get("stream_options") or {}).get("include_usage", False)
            return StreamingResponse(self._stream(question, told=told), media_type="text/event-stream")
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": self.answer}}
        return JSONResponse(
            {
                "object": "chat.completion",
                "model": question.get("model", "model"),
                "choices": [choice],
                "usage": self._usage(question),
            }
        )

    async def _stream(self, question: Mapping[str, Any], *, told: bool) -> AsyncIterator[str]:
        for word in self.answer.split(" "):
            yield _event(
                {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": word + " "}}]}
            )
        if told:
            yield _event({"object": "chat.completion.chunk", "choices": [], "usage": self._usage(question)})
        yield "data: [DONE]\n\n"

    def _usage(self, question: Mapping[str, Any]) -> dict[str, int]:
        prompt, completion = estimated(prompt_of(question)), estimated(self.answer)
        return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def embedding(text: str) -> list[float]:
    """A vector of the words of a text: texts with the same words are near."""
    vector = [0.0] * _SIZE
    for word in text.lower().split():
        vector[sum(word.encode()) % _SIZE] += 1.0
    return vector


def _severity(question: Mapping[str, Any], category: str) -> int:
    """Six where a text names a category itself, else none."""
    return 6 if category.lower() in str(question.get("text", "")).lower() else 0


def _event(said: Mapping[str, Any]) -> str:
    return f"data: {json.dumps(said)}\n\n"
