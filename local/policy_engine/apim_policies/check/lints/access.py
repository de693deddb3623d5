"""Who is let in: tokens that are not really checked, and origins of browsers."""

from collections.abc import Iterator

from apim_policies.check.csharp import method
from apim_policies.check.document import Document
from apim_policies.check.finding import Rule
from apim_policies.check.lint import Found, Lint, at, within

AUDIENCE = Rule(
    "token-audience",
    "warning",
    "Without an audience every token of the issuer opens the API, also one that was made for another application.",
    "Add <audiences> with the application id URI, or the client id, of this API.",
)
WEAK = Rule(
    "weak-token-check",
    "error",
    "A token without a signature can be written by anybody, and one without an end is good for ever.",
    "Leave require-signed-tokens and require-expiration-time at true.",
    source="RFC 8725, sections 2.1 and 3.1",
)
UNVERIFIED = Rule(
    "unverified-token",
    "warning",
    "AsJwt and TryParseJwt read a token without looking at its signature, issuer or end: anybody can write one.",
    "Check it first with <validate-jwt> or <validate-azure-ad-token>, and read the claims of its "
    "output-token-variable-name.",
)
CORS_OPTIONS = Rule(
    "cors-options",
    "error",
    "Where an operation has the method OPTIONS, <cors> does not answer preflights: browsers get what the operation says.",
    "Remove the operation: <cors> answers for all of them.",
    source="https://learn.microsoft.com/azure/api-management/cors-policy#usage-notes",
)
CORS_CREDENTIALS = Rule(
    "cors-credentials",
    "error",
    "Browsers refuse * together with credentials, and where it works every page of the web could call with the user's "
    "cookies.",
    'List the origins, or leave out allow-credentials="true".',
    source="the Fetch standard, CORS protocol and credentials",
)
CORS_ORDER = Rule(
    "cors-order",
    "warning",
    "A preflight carries no credentials, and the answer to a refused call needs the headers of <cors> as well: what refuses "
    "before it shows browsers an unexplained network error. Of several <cors> only the first one counts.",
    "Put one <cors> in front of everything that refuses.",
)

_REFUSING = frozenset(
    {
        "validate-jwt", "validate-azure-ad-token", "validate-client-certificate", "check-header", "ip-filter", "rate-limit",
        "rate-limit-by-key", "quota", "quota-by-key", "return-response",
    }
)  # fmt: skip


def _audience(document: Document) -> Iterator[Found]:
    for placed in document.named("validate-jwt", "validate-azure-ad-token"):
        names = {child.name for child in placed.element.children}
        claims = [child for child in placed.element.children if child.name == "required-claims"]
        named = {
            claim.attributes["name"].text for one in claims for claim in one.children if "name" in claim.attributes
        }
        if not names & {"audiences", "backend-application-ids"} and not named & {"aud", "audience"}:
            yield at(placed.element, f"<{placed.element.name}> takes tokens for any audience")


def _weak(document: Document) -> Iterator[Found]:
    for placed in document.named("validate-jwt"):
        for name in ("require-signed-tokens", "require-expiration-time"):
            value = placed.element.attributes.get(name)
            if value is not None and value.text == "false":
                yield at(value, f'{name}="false"')


def _unverified(document: Document) -> Iterator[Found]:
    company = document.company or [document]
    if any(True for one in company for _ in one.named("validate-jwt", "validate-azure-ad-token")):
        return
    for expression in document.expressions:
        for node in expression.nodes:
            if method(node) in {"AsJwt", "TryParseJwt"}:
                yield within(expression, node.a, f"{method(node)}, and nothing checks the token", node)


def _cors_options(document: Document) -> Iterator[Found]:
    for placed in document.named("cors"):
        for id in document.options:
            yield at(placed.element, f"the operation {id} has the method OPTIONS")


def _cors_credentials(document: Document) -> Iterator[Found]:
    for placed in document.named("origin"):
        cors = placed.parents[-2] if len(placed.parents) > 1 else None
        credentials = cors.attributes.get("allow-credentials") if cors is not None and cors.name == "cors" else None
        origin = placed.element.text
        if credentials is not None and credentials.text == "true" and origin is not None and origin.text.strip() == "*":
            yield at(origin, "any origin, with credentials")


def _cors_order(document: Document) -> Iterator[Found]:
    corses = list(document.named("cors"))
    for placed in corses[1:]:
        yield at(placed.element, "this <cors> is not the first one")
    for placed in corses[:1]:
        siblings = placed.parents[-1].children if placed.parents else []
        for sibling in siblings:
            if sibling is placed.element:
                break
            if sibling.name in _REFUSING:
                yield at(placed.element, f"<{sibling.name}> refuses before <cors>")
                break


LINTS = (
    Lint(AUDIENCE, _audience),
    Lint(WEAK, _weak),
    Lint(UNVERIFIED, _unverified),
    Lint(CORS_OPTIONS, _cors_options),
    Lint(CORS_CREDENTIALS, _cors_credentials),
    Lint(CORS_ORDER, _cors_order),
)
