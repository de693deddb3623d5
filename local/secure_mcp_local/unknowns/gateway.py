"""What only a real API Management can say about its gateway, in the order of the page."""

from secure_mcp_local.unknowns import expressions, policies, requests
from secure_mcp_local.unknowns.question import Question

QUESTIONS: tuple[Question, ...] = (
    expressions.BODY_CHARSET,
    expressions.BODY_ENCODING,
    expressions.BODY_SIZE,
    policies.SEND_REQUEST_REDIRECT,
    requests.CONNECTION_HEADER,
    policies.TWO_COOKIES,
    requests.IP_ADDRESS,
    requests.ADDRESS_FORM,
    expressions.EXPRESSION_TIME_LIMIT,
    policies.SHARED_CACHE,
    policies.QUERY_CASE,
    requests.ENCODED_SLASH,
    requests.DOT_SEGMENTS,
    expressions.DOTNET,
    expressions.JWT_TYPE,
    expressions.RSA_IN_EXPRESSIONS,
    expressions.NULL_VARIABLE,
    requests.QUERY_LIMIT,
    policies.CORS_SCHEME,
    expressions.NEWTONSOFT,
    expressions.TIME_ZONES,
    expressions.BASIC_DECODING,
    policies.DOCUMENT_SIZE,
    requests.TRAILING_SLASH,
    policies.FRAGMENT_LIMIT,
    policies.CLAIM_REASON,
)
