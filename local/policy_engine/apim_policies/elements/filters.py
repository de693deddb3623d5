"""Who and what is let in: check-header, ip-filter."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

from apim_policies.documents.document import Element
from apim_policies.elements.model import (
    ANY,
    BOOL,
    INBOUND,
    NEEDED,
    NEEDED_LITERAL,
    NEEDED_NUMBER,
    Attribute,
    Child,
    Declared,
    Model,
    Part,
    PolicyElement,
)
from apim_policies.pipeline.call import Call, Failure
from apim_policies.pipeline.sections import Policy
from apim_policies.pipeline.values import Compiled, Source

Address = IPv4Address | IPv6Address


class CheckHeader:
    """A header must be there, with one of some values if any are given.

    https://learn.microsoft.com/azure/api-management/check-header-policy
    """

    def __init__(
        self,
        name: Compiled,
        status: Compiled,
        message: Compiled | None,
        ignore_case: Compiled,
        values: Sequence[Compiled],
    ) -> None:
        self._name, self._status, self._message = name, status, message
        self._ignore_case, self._values = ignore_case, values

    def run(self, call: Call) -> None:
        name = self._name.text(call)
        present = call.context.request.headers.get(name)
        if present is None:
            raise self._failure(call, "HeaderNotFound", f"Header {name} was not found in the request.")
        allowed = [value.text(call) for value in self._values]
        if self._ignore_case.boolean(call):
            present, allowed = present.casefold(), [value.casefold() for value in allowed]
        if allowed and present not in allowed:
            raise self._failure(call, "HeaderValueNotAllowed", f"The value of header {name} is not allowed.")

    def _failure(self, call: Call, reason: str, message: str) -> Failure:
        told = self._message.text(call) if self._message else message
        return Failure(reason, told, int(self._status.number(call)))


def _check_header(source: Source, element: Element) -> Policy:
    return CheckHeader(
        source.attribute(element, "name"),
        source.attribute(element, "failed-check-httpcode"),
        source.optional(element, "failed-check-error-message"),
        source.attribute(element, "ignore-case", "false"),
        [source.content(value) for value in element.children],
    )


CHECK_HEADER = PolicyElement(
    "check-header",
    Model(
        {
            "name": NEEDED,
            "failed-check-httpcode": NEEDED_NUMBER,
            "failed-check-error-message": ANY,
            "ignore-case": BOOL,
        },
        (Child("value"),),
        INBOUND,
    ),
    _check_header,
)


class IpFilter:
    """Addresses that may call, or may not.

    https://learn.microsoft.com/azure/api-management/ip-filter-policy
    """

    def __init__(self, ranges: Sequence[tuple[Address, Address]], *, allow: bool) -> None:
        self._ranges, self._allow = ranges, allow

    def run(self, call: Call) -> None:
        try:
            caller = ip_address(call.context.request.ip_address)
        except ValueError:
            listed = not self._allow
        else:
            listed = any(
                first.version == caller.version and int(first) <= int(caller) <= int(last)
                for first, last in self._ranges
            )
        if listed != self._allow:
            reason = "CallerIpNotAllowed" if self._allow else "CallerIpBlocked"
            raise Failure(reason, "Caller IP address is not allowed.", 403)


def _ip_filter(source: Source, element: Element) -> Policy:
    ranges: list[tuple[Address, Address]] = []
    for child in element.children:
        if child.text is not None and child.text.expression:
            raise source.not_modelled(child, "an expression")
        first = child.text.text if child.text else source.literal(child, "from") or ""
        last = child.text.text if child.text else source.literal(child, "to") or ""
        try:
            ranges.append((ip_address(first.strip()), ip_address(last.strip())))
        except ValueError as error:
            raise source.error(child, str(error)) from None
    return IpFilter(ranges, allow=source.literal(element, "action") != "forbid")


IP_FILTER = PolicyElement(
    "ip-filter",
    Model(
        {"action": Attribute("not modelled", required=True, one_of=("allow", "forbid"))},
        (Child("address"), Child("address-range")),
        INBOUND,
        ordered=False,
    ),
    _ip_filter,
)

ELEMENTS: Sequence[Declared] = (
    CHECK_HEADER,
    IP_FILTER,
    Part("address", Model(text=True)),
    Part("address-range", Model({"from": NEEDED_LITERAL, "to": NEEDED_LITERAL})),
)
