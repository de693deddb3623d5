"""Parameters of requests: each at most once."""

from urllib.parse import parse_qsl

from starlette.requests import Request

from secure_mcp_local.azure.entra.refusal import Refusal

_MAX_BYTES = 64 * 1024


def query(request: Request) -> dict[str, str]:
    """The query parameters.

    Raises:
        Refusal: one occurs twice.
    """
    return _once(parse_qsl(request.url.query, keep_blank_values=True))


async def form(request: Request) -> dict[str, str]:
    """The form fields.

    Raises:
        Refusal: one occurs twice, or the body is not a form.
    """
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/x-www-form-urlencoded":
        message = "The endpoint only accepts application/x-www-form-urlencoded requests."
        raise Refusal(900561, message, "invalid_request")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BYTES:
            raise Refusal(90014, "The request is too large.", "invalid_request", status=413)
    try:
        return _once(parse_qsl(body.decode("utf-8"), keep_blank_values=True, errors="strict"))
    except UnicodeDecodeError:
        message = "Invalid request. Request is malformed or invalid."
        raise Refusal(9002313, message, "invalid_request") from None


def _once(pairs: list[tuple[str, str]]) -> dict[str, str]:
    parameters: dict[str, str] = {}
    for name, value in pairs:
        if name in parameters:
            message = f"The request is not properly formatted. The parameter '{name}' is duplicated."
            raise Refusal(9000411, message, "invalid_request")
        parameters[name] = value
    return parameters
