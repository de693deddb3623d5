"""Messages that must be as they are described: validate-content, -headers, -status-code, -parameters, -client-certificate.

What an operation's description says is not known here: without a schema of their own these policies look at what they say
themselves, and a policy that needs the description says so when it runs.
"""

import json
from collections.abc import Mapping, Sequence

from apim_policies.documents.document import Element
from apim_policies.elements.model import (
    ANY,
    ANYWHERE,
    BOOL,
    INBOUND,
    LITERAL,
    LITERAL_BOOL,
    NEEDED_LITERAL,
    NEEDED_LITERAL_NUMBER,
    NEEDED_NUMBER,
    Attribute,
    Child,
    Declared,
    Model,
    Part,
    PolicyElement,
)
from apim_policies.errors import NotModelled
from apim_policies.expressions.values.certificates import distinguished, thumbprint
from apim_policies.expressions.values.failures import CSharpException
from apim_policies.expressions.xml.reader import parse_element
from apim_policies.pipeline.bodies import is_request, message_body
from apim_policies.pipeline.call import Call, Failure
from apim_policies.pipeline.sections import Policy
from apim_policies.pipeline.values import Compiled, Source

_ACTION = Attribute(required=True, one_of=("ignore", "prevent", "detect"))
_NO_BACKEND = ANYWHERE - {"backend"}


class _Validating:
    """Reports what is wrong, and stops the request if an action says so."""

    def __init__(self, variable: str | None) -> None:
        self._variable = variable

    def report(self, call: Call, action: str, reason: str, message: str) -> None:
        """One thing that is not as it should be.

        Raises:
            Failure: the action is `prevent`.
        """
        if action == "ignore":
            return
        if self._variable is not None:
            held = call.context.variables.get(self._variable)
            call.context.variables[self._variable] = f"{held}\n{message}" if isinstance(held, str) else message
        call.trace.messages.append({"source": "validation", "severity": "information", "message": message})
        if action == "prevent":
            raise Failure(reason, message, 400 if is_request(call) else 502)


class ValidateContent(_Validating):
    """Size, kind and form of a body.

    https://learn.microsoft.com/azure/api-management/validate-content-policy
    """

    def __init__(self, source: Source, element: Element) -> None:
        super().__init__(source.literal(element, "errors-variable-name"))
        self._size = source.attribute(element, "max-size")
        self._larger = source.attribute(element, "size-exceeded-action")
        self._other = source.attribute(element, "unspecified-content-type-action")
        self._kinds = [
            (
                (source.literal(child, "type") or "").lower(),
                source.literal(child, "validate-as") or "json",
                source.attribute(child, "action"),
                source.literal(child, "schema-id"),
            )
            for child in element.children
            if child.name == "content"
        ]
        self._map = next(
            (_ContentTypes(source, child) for child in element.children if child.name == "content-type-map"), None
        )

    async def run(self, call: Call) -> None:
        headers = call.context.request.headers if is_request(call) else call.response.headers
        content = await message_body(call)
        if not content:
            return
        if len(content) > self._size.number(call):
            self.report(call, self._larger.text(call), "SizeExceeded", f"the body has {len(content)} bytes")
            return
        kind = (headers.get("Content-Type") or "").partition(";")[0].strip().lower()
        if self._map is not None:
            kind = self._map.mapped(call, kind)
        for wanted, form, action, schema in self._kinds:
            if not wanted or wanted == kind:
                self._check(call, content, form, action.text(call), schema)
                return
        self.report(
            call, self._other.text(call), "UnspecifiedContentType", f"the content type {kind!r} is not described"
        )

    def _check(self, call: Call, content: bytes, form: str, action: str, schema: str | None) -> None:
        if action == "ignore":
            return
        try:
            if form == "json":
                json.loads(content)
            else:
                parse_element(content.decode("utf-8", "replace"))
        except (ValueError, CSharpException):
            self.report(call, action, "InvalidContent", f"the body is no {form}")
            return
        if schema is not None:
            raise NotModelled(f"<validate-content> with the schema {schema!r} is not modelled")


class _ContentTypes:
    """Which content type a body is taken for: whatever it says, where it says none, or by what it says or a condition."""

    def __init__(self, source: Source, element: Element) -> None:
        self._any = source.literal(element, "any-content-type-value")
        self._missing = source.literal(element, "missing-content-type-value")
        self._types = [
            (
                source.literal(child, "from"),
                source.attribute(child, "when") if "when" in child.attributes else None,
                source.literal(child, "to") or "",
            )
            for child in element.children
        ]

    def mapped(self, call: Call, kind: str) -> str:
        if self._any is not None:
            return self._any.lower()
        if not kind and self._missing is not None:
            return self._missing.lower()
        for given, condition, target in self._types:
            if (condition is not None and condition.boolean(call)) or (given is not None and given.lower() == kind):
                return target.lower()
        return kind


VALIDATE_CONTENT = PolicyElement(
    "validate-content",
    Model(
        {
            "unspecified-content-type-action": _ACTION,
            "max-size": NEEDED_NUMBER,
            "size-exceeded-action": _ACTION,
            "errors-variable-name": LITERAL,
        },
        (Child("content-type-map", 0, 1), Child("content")),
        _NO_BACKEND,
    ),
    ValidateContent,
)


class ValidateNames(_Validating):
    """Headers of an answer, or its status, by name: what is not listed is what the description must say.

    https://learn.microsoft.com/azure/api-management/validate-headers-policy
    https://learn.microsoft.com/azure/api-management/validate-status-code-policy
    """

    def __init__(self, variable: str | None, listed: Mapping[str, Compiled], other: Compiled, what: str) -> None:
        super().__init__(variable)
        self._listed, self._other, self._what = listed, other, what

    def run(self, call: Call) -> None:
        response = call.response
        names = (
            [str(response.status_code)] if self._what == "status" else [name for name, _ in response.headers.groups()]
        )
        for name in names:
            own = self._listed.get(name.lower())
            if own is None:
                # No description is known: nothing is specified but what stands here.
                self.report(call, self._other.text(call), "Unspecified", f"the {self._what} {name} is not described")
            else:
                self.report(call, own.text(call), "Specified", f"the {self._what} {name} is not allowed")


def _validate_headers(source: Source, element: Element) -> Policy:
    listed = {child.attributes["name"].text.lower(): source.attribute(child, "action") for child in element.children}
    return ValidateNames(
        source.literal(element, "errors-variable-name"),
        listed,
        source.attribute(element, "unspecified-header-action"),
        "header",
    )


VALIDATE_HEADERS = PolicyElement(
    "validate-headers",
    Model(
        {
            "specified-header-action": _ACTION,
            "unspecified-header-action": _ACTION,
            "errors-variable-name": LITERAL,
        },
        (Child("header"),),
        frozenset({"outbound", "on-error"}),
    ),
    _validate_headers,
)


def _validate_status(source: Source, element: Element) -> Policy:
    listed = {child.attributes["code"].text: source.attribute(child, "action") for child in element.children}
    return ValidateNames(
        source.literal(element, "errors-variable-name"),
        listed,
        source.attribute(element, "unspecified-status-code-action"),
        "status",
    )


VALIDATE_STATUS_CODE = PolicyElement(
    "validate-status-code",
    Model(
        {"unspecified-status-code-action": _ACTION, "errors-variable-name": LITERAL},
        (Child("status-code"),),
        frozenset({"outbound", "on-error"}),
    ),
    _validate_status,
)


class ValidateClientCertificate:
    """The certificate that the client showed.

    https://learn.microsoft.com/azure/api-management/validate-client-certificate-policy
    """

    def __init__(self, source: Source, element: Element) -> None:
        self._ignore = source.flag(element, "ignore-error")
        self._trust = source.flag(element, "validate-trust", default=True)
        self._before = source.flag(element, "validate-not-before", default=True)
        self._after = source.flag(element, "validate-not-after", default=True)
        self._identities = [
            {name: source.attribute(one, name) for name in one.attributes}
            for child in element.children
            for one in child.children
        ]

    def run(self, call: Call) -> None:
        problem = self._problem(call)
        if problem and not self._ignore:
            raise Failure("ClientCertificateInvalid", f"Invalid client certificate: {problem}", 403)

    def _problem(self, call: Call) -> str:
        held, now = call.context.request.certificate, call.services.clock.utcnow()
        if held is None:
            return "none"
        if self._trust and not held.trusted:
            return "not trusted"
        if self._before and held.certificate.not_valid_before_utc > now:
            return "not yet valid"
        if self._after and held.certificate.not_valid_after_utc < now:
            return "expired"
        known = {
            "thumbprint": thumbprint(held),
            "subject": distinguished(held.certificate.subject),
            "issuer-subject": distinguished(held.certificate.issuer),
            "common-name": next(
                (part[3:] for part in distinguished(held.certificate.subject).split(", ") if part[:3] == "CN="), ""
            ),
        }
        for identity in self._identities:
            if unknown := identity.keys() - known.keys():
                raise NotModelled(f"<identity> with {', '.join(sorted(unknown))} is not modelled")
            if all(value.text(call).lower() == known[name].lower() for name, value in identity.items()):
                return ""
        return "another one is wanted" if self._identities else ""


VALIDATE_CLIENT_CERTIFICATE = PolicyElement(
    "validate-client-certificate",
    Model(
        {
            "validate-revocation": LITERAL_BOOL,
            "validate-trust": LITERAL_BOOL,
            "validate-not-before": LITERAL_BOOL,
            "validate-not-after": LITERAL_BOOL,
            "ignore-error": LITERAL_BOOL,
        },
        (Child("identities", 0, 1),),
        INBOUND,
    ),
    ValidateClientCertificate,
)

ELEMENTS: Sequence[Declared] = (
    VALIDATE_CONTENT,
    VALIDATE_HEADERS,
    VALIDATE_STATUS_CODE,
    VALIDATE_CLIENT_CERTIFICATE,
    Part("content-type-map", Model({"any-content-type-value": LITERAL, "missing-content-type-value": LITERAL}, (Child("type"),))),
    Part("type", Model({"from": LITERAL, "when": BOOL, "to": NEEDED_LITERAL})),
    Part(
        "content",
        Model(
            {
                "validate-as": Attribute("refused", required=True, one_of=("json", "xml", "soap")),
                "action": _ACTION,
                "type": LITERAL,
                "schema-id": LITERAL,
                "allow-additional-properties": LITERAL_BOOL,
                "case-insensitive-property-names": LITERAL_BOOL,
            },
            beyond=frozenset({"schema-ref"}),
        ),
    ),
    Part("status-code", Model({"code": NEEDED_LITERAL_NUMBER, "action": _ACTION})),
    Part("identities", Model({}, (Child("identity", 1, 10),))),
    Part(
        "identity",
        Model(
            {
                name: ANY
                for name in (
                    "thumbprint", "serial-number", "common-name", "subject", "dns-name", "issuer-subject", "issuer-thumbprint",
                    "issuer-certificate-id",
                )
            }
        ),
    ),
)  # fmt: skip
