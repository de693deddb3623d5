"""What a stack costs before anybody calls: the text of the policies that a request goes through, and how much of `pulumi up` waits for something else.

The tables in docs/performance.md are what was counted; `make snapshots` writes them.
"""

import re
from functools import cache
from pathlib import Path

import pytest

from actors.written_table import hold
from secure_mcp_local.recording import Recording, Resource, record

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "performance.md"
STACKS = ("dev", "prod")
APIM = "azure-native:apimanagement:"
# For a policy document, whole or one fragment (https://learn.microsoft.com/azure/api-management/service-limits).
LARGEST = 256 * 1024
_INCLUDED = re.compile(r'<include-fragment fragment-id="([^"]+)"')
PATHS = {
    "a tool call": "POST /mcp",
    "a key is asked for: resource metadata": "GET /.well-known/oauth-protected-resource/mcp",
    "authorization server metadata": "GET /.well-known/oauth-authorization-server",
    "registration": "POST /register",
    "sign-in: authorization": "GET /authorize",
    "sign-in: consent": "POST /consent",
    "sign-in: callback": "GET /oauth-callback",
    "code to tokens, refresh": "POST /token",
    "revocation": "POST /revoke",
}


@cache
def recorded(stack: str) -> Recording:
    return record(ROOT, stack, {"apimPublisherEmail": "mcp@example.com"})


def with_fragments(recording: Recording, documents: list[str]) -> list[str]:
    """The documents and each fragment that one of them includes, once."""
    fragments = {
        str(one.get("id") or one.name): str(one.get("value")) for one in recording.all(f"{APIM}PolicyFragment")
    }
    found, left = dict[str, str](), list(documents)
    while left:
        for name in _INCLUDED.findall(left.pop()):
            if name not in found:
                found[name] = fragments[name]
                left.append(fragments[name])
    return [*documents, *found.values()]


def policies(stack: str) -> dict[str, list[str]]:
    """By request, the documents that it goes through: of the service, the API, the operation, and all fragments of these."""
    recording = recorded(stack)

    def documents(kind: str, *owner: str) -> list[str]:
        keys = ("apiId", "operationId")[: len(owner)]
        return [
            str(policy.get("value"))
            for policy in recording.all(APIM + kind)
            if tuple(str(policy.get(key)) for key in keys) == owner
        ]

    paths = {str(api.get("apiId")): str(api.get("path") or "") for api in recording.all(f"{APIM}Api")}
    found: dict[str, list[str]] = {}
    for operation in recording.all(f"{APIM}ApiOperation"):
        api, id = str(operation.get("apiId")), str(operation.get("operationId"))
        path = "/".join(part for part in (paths[api], str(operation.get("urlTemplate")).strip("/")) if part)
        own = [*documents("Policy"), *documents("ApiPolicy", api), *documents("ApiOperationPolicy", api, id)]
        found[f"{operation.get('method')} /{path}"] = with_fragments(recording, own)
    return found


def size(text: str) -> int:
    return len(text.encode())


def test_the_table_of_policies_is_what_the_dev_stack_declares() -> None:
    found = policies("dev")
    rows = []
    for step, request in PATHS.items():
        documents = found[request]
        rows.append(
            (
                step,
                f"`{request}`",
                len(documents),
                f"{sum(map(size, documents)) / 1024:.0f} KiB",
                f"{max(map(size, documents)) / 1024:.0f} KiB",
            )
        )
    hold(DOCUMENT, "policies", ("step", "request", "documents", "together", "the largest"), rows)


@pytest.mark.parametrize("stack", STACKS)
def test_no_document_is_near_what_api_management_takes(stack: str) -> None:
    largest = max(size(document) for documents in policies(stack).values() for document in documents)
    assert largest < LARGEST // 2


def chain(recording: Recording) -> list[Resource]:
    """The longest row of resources of which each waits for the one before: that many requests to Azure cannot run at once.

    A resource waits for what its inputs are made of, for what it depends on, and for its parent, if that is one of Azure's.
    """
    by_urn = {resource.urn: resource for resource in recording}

    @cache
    def longest(urn: str) -> tuple[Resource, ...]:
        one = by_urn[urn]
        before = sorted(({*one.dependencies, one.parent} & by_urn.keys()) - {urn})
        row = max(map(longest, before), key=len, default=())
        return (*row, one) if one.custom and not one.read else row

    return list(max(map(longest, sorted(by_urn)), key=len))


def test_the_table_of_steps_is_what_the_stacks_declare() -> None:
    rows = []
    for stack in STACKS:
        recording = recorded(stack)
        row = chain(recording)
        made = sum(one.custom and not one.read for one in recording)
        names = " → ".join(one.name.removeprefix("mcp-") for one in row)
        rows.append((stack, made, len(row), names))
    hold(DOCUMENT, "steps", ("stack", "resources", "one after the other", "the longest row"), rows)
