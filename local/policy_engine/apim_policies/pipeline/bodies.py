"""Bodies of the request and of the answer, for policies that need them as a whole."""

from apim_policies.expressions.context import Body
from apim_policies.network.messages import Answer
from apim_policies.pipeline.call import Call, Failure
from apim_policies.pipeline.incoming import BUFFERED, LargeBody


class TooLarge(Exception):
    """More than can be held in memory."""


async def buffered(answer: Answer) -> Body:
    """An answer's whole body.

    Raises:
        TooLarge: it is larger than the v2 tiers hold.
    """
    content = b""
    async for chunk in answer.stream:
        content += chunk
        if len(content) > BUFFERED:
            raise TooLarge
    return Body(content)


async def request_body(call: Call) -> bytes:
    """The request's body; empty if there is none.

    Raises:
        Failure: it is too large to be held in memory.
    """
    request = call.context.request
    if request.body is None:
        request.body = await call.incoming.body()
    if isinstance(request.body, LargeBody):
        raise Failure("RequestPayloadTooLarge", f"the request's body is larger than {BUFFERED} bytes", 413)
    return request.body.content if request.body is not None else b""


async def response_body(call: Call) -> bytes:
    """The body of the answer so far, which it then no longer is a stream; empty if there is none.

    Raises:
        Failure: it is too large to be held in memory.
    """
    response = call.response
    if response.body is None and call.backend_response is not None:
        try:
            response.body = await buffered(call.backend_response)
        except TooLarge:
            raise Failure("BackendConnectionFailure", "the answer is too large to be held in memory", 502) from None
        finally:
            await call.drop_backend_response()
    return response.body.content if response.body is not None else b""


def is_request(call: Call) -> bool:
    """Whether policies change the request here, and not the answer."""
    return call.section in {"inbound", "backend"}


async def message_body(call: Call) -> bytes:
    """The body of the message that policies change here."""
    return await request_body(call) if is_request(call) else await response_body(call)


def set_message_body(call: Call, content: bytes) -> None:
    """Replaces the body of the message that policies change here."""
    if is_request(call):
        call.context.request.body = Body(content)
    else:
        call.response.body = Body(content)
