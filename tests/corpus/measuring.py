"""One document: what is found in it, and whether all of it runs."""

import asyncio
import re
import time
import traceback
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from apim_policies.check import structure
from apim_policies.check.document import Document
from apim_policies.check.inspection import examine
from apim_policies.clock import Clock
from apim_policies.documents.document import NAMED_VALUE, Element, parse
from apim_policies.elements import flow
from apim_policies.elements.builder import Builder
from apim_policies.errors import ExplainedError
from apim_policies.expressions import CSharpException, ExpressionError, Profile, compile_expression
from apim_policies.expressions.context import (
    Api,
    Body,
    Context,
    Headers,
    LastError,
    Operation,
    Request,
    Response,
    Url,
)
from apim_policies.network import Network
from apim_policies.network.messages import Answer, Outgoing
from apim_policies.pipeline.backends import Backends, DeclaredBackend
from apim_policies.pipeline.cache import Cache
from apim_policies.pipeline.call import Call, Failure, Returned, Services
from apim_policies.pipeline.counters import Counters
from apim_policies.pipeline.disclosure import Disclosure
from apim_policies.pipeline.incoming import Incoming
from apim_policies.pipeline.openid import OpenIdMetadata
from apim_policies.pipeline.sections import Base, Placed
from apim_policies.pipeline.trace import RequestTrace, Variables
from apim_policies.pipeline.values import Source

_AZURE = frozenset(rule.name for rule in structure.RULES)
"""Rules of what Azure refuses; the others are of what it accepts and a reviewer would not."""
_SLOW = 1.0
"""Seconds that a file may take."""
_ROOT = re.compile(r"<(policies|fragment)\b")
_JSON = b'{"access_token":"t","value":"1","choices":[{"message":{"content":"a"}}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}'


@dataclass
class Outcome:
    """What one document came to."""

    name: str
    findings: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])
    """Rule, level and message of each."""
    expressions: dict[str, bool] = field(default_factory=dict[str, bool])
    """Its expressions, and whether each compiles."""
    broke: list[str] = field(default_factory=list[str])
    """What broke the engine."""
    seconds: float = 0.0

    def kind(self, judged: frozenset[str]) -> str:
        """What it comes to, given the names of the documents that API Management refuses."""
        if self.broke or self.seconds > _SLOW:
            return "crashed"
        if any(level == "error" and rule in _AZURE for rule, level, _ in self.findings):
            return "refused" if self.name in judged else "false error"
        return "not modelled" if self.missing else "runnable"

    @property
    def missing(self) -> set[str]:
        """What is not modelled."""
        return {_kind(message) for rule, _, message in self.findings if rule == "not-modelled"}


def _kind(message: str) -> str:
    return re.sub(r" is not modelled.*", "", message)


def files_of(folder: Path) -> Iterator[Path]:
    """The policy documents below a folder."""
    for file in sorted(folder.rglob("*")):
        if file.is_file() and file.suffix in {".xml", ".tpl", ".tftpl", ".cshtml"}:
            text = file.read_text(encoding="utf-8-sig", errors="replace")
            if _ROOT.search(text[:20000]):
                yield file


def measure(file: Path, folder: Path) -> Outcome:
    """Checks a document, and runs every policy in it."""
    outcome = Outcome(f"{folder.name}/{file.relative_to(folder).as_posix()}".replace(" ", "%20"))
    text = _filled(file.read_text(encoding="utf-8-sig", errors="replace"))
    start = time.process_time()
    document = Document(outcome.name, text)
    if document.root is not None and document.root.name == "fragment":
        document.fragment = file.stem
    try:
        outcome.findings = [(one.rule.name, one.rule.level, one.message) for one in examine(document)]
        outcome.expressions = _expressions(document)
        runs = not any(
            (level == "error" and rule in _AZURE) or rule == "not-modelled" for rule, level, _ in outcome.findings
        )
        if runs:
            asyncio.run(_Run(text).all(outcome))
    except Exception:
        outcome.broke.append(traceback.format_exc())
    outcome.seconds = time.process_time() - start
    return outcome


_ADDRESS = re.compile(r"""(<address>\s*|<address-range\b[^<>]*?\b(?:from|to)=["'])\{\{[^{}]*\}\}""")
"""A named value that has to be an address."""
_OTHERWISE = re.compile(r"%\{\s*else\b[^}]*\}.*?(?=%\{\s*endif)", re.DOTALL)
_DIRECTIVE = re.compile(r"%\{[^}]*\}|^[ \t]*\$\{[^{}]*\}[ \t]*$", re.MULTILINE)
_CONDITION = re.compile(r"@\(\s*\$\{[^{}]*\}\s*\)")
_PLACE = re.compile(r"\$\{[^{}]*\}")


def _filled(text: str) -> str:
    """A document that is a template of Terraform, with something in its places; others as they are."""
    if not (_PLACE.search(text) or _DIRECTIVE.search(text)):
        return text
    text = _CONDITION.sub("@(true)", _DIRECTIVE.sub("", _OTHERWISE.sub("", text)))
    text = (
        re.sub(r"(?<=[>\"'])\$\{[^{}]*\}(?=</address|\" to=|\"\s*/>)", "127.0.0.1", text)
        if "<ip-filter" in text
        else text
    )
    return _PLACE.sub("1", text)


def _expressions(document: Document) -> dict[str, bool]:
    found: dict[str, bool] = {}
    for placed in document.elements:
        values = [*placed.element.attributes.values(), placed.element.text]
        for value in values:
            if value is not None and value.expression and value.text not in found:
                try:
                    compile_expression(value.text)
                    found[value.text] = True
                except ExpressionError:
                    found[value.text] = False
    return found


class _Everything(Network):
    """Answers any request with JSON."""

    async def send(self, request: Outgoing) -> Answer:
        del request
        headers = [(b"Content-Type", b"application/json")]
        return Answer(200, "OK", headers, _Stream(_JSON))


class _Stream(httpx.AsyncByteStream):
    def __init__(self, content: bytes) -> None:
        self._content = content

    async def __aiter__(self) -> Any:
        yield self._content


class _Backends(Backends):
    """Has every backend that a policy names."""

    def find(self, id: str) -> DeclaredBackend:
        return DeclaredBackend(id, "https://backend.example")


class _Identities:
    def token(self, resource: str, client_id: str | None) -> str:
        del resource, client_id
        return "token"


class _Run:
    """One request that goes through every policy of a document, whatever the conditions say."""

    def __init__(self, text: str) -> None:
        filled = NAMED_VALUE.sub(lambda match: "0" * len(match[0]), _ADDRESS.sub(r"\g<1>127.0.0.1", text))
        root = parse(filled, "document")
        included = {
            element.attributes["fragment-id"].text for element in _elements(root) if element.name == "include-fragment"
        }
        source = Source("document", compile_expression)
        empty = {id: (Element("fragment", 1, 1), source) for id in included}
        builder = Builder(source, empty)
        self._sections = (
            {"inbound": builder.policies(root.children)} if root.name == "fragment" else builder.sections(root)
        )

    async def all(self, outcome: Outcome) -> None:
        clock, network = Clock(), _Everything()
        services = Services(
            network=network,
            identities=_Identities(),
            clock=clock,
            cache=Cache(clock),
            counters=Counters(clock),
            openid=OpenIdMetadata(network.client(), clock),
            profile=Profile(clock),
            backends=_Backends({}, clock),
        )
        url = Url("https", "gateway.example", 443, "/api/x", "?a=1")
        headers = Headers([("Content-Type", "application/json"), ("Authorization", "Bearer a.b.c")])
        request = Request("POST", url, Url(url.scheme, url.host, url.port, url.path, url.query_string), headers)
        request.body = Body(b'{"model":"m","messages":[{"role":"user","content":"hello"}],"stream":false}')
        trace = RequestTrace(str(uuid.uuid4()), request, Disclosure(), detailed=False)
        context = Context(
            request, Api("api", "API", "api"), Operation("op", "Op", "POST", "/x"), variables=Variables(trace)
        )
        context.last_error = LastError("source", "reason", "message", "api", "inbound", "path", "id")

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        call = Call(context, services, trace, Incoming(receive, has_body=False), "https://backend.example", "/x")
        for section in ("inbound", "backend", "outbound", "on-error"):
            call.section, call.scope = section, "api"
            if section == "outbound" and context.response is None:
                context.response = Response(200, "OK", Headers([("Content-Type", "application/json")]), Body(_JSON))
            for placed in _leaves(self._sections.get(section, [])):
                await self._one(call, placed, outcome)

    async def _one(self, call: Call, placed: Placed, outcome: Outcome) -> None:
        try:
            waiting = placed.policy.run(call)
            if waiting is not None:
                await waiting
        except (Failure, Returned, CSharpException):
            pass
        except ExplainedError as error:
            outcome.findings.append(("not-modelled", "warning", f"at run time: {error}"))
        for body in (call.context.request.body, call.context.response.body if call.context.response else None):
            if body is not None:
                body.consumed = False


def _leaves(policies: list[Placed]) -> Iterator[Placed]:
    """Each policy once: first those inside it, then itself, which decides by its conditions."""
    for placed in policies:
        if isinstance(placed.policy, Base):
            continue
        for inner in flow.inside(placed.policy):
            yield from _leaves(inner)
        if not isinstance(placed.policy, flow.Retry):
            yield placed


def _elements(root: Element) -> Iterator[Element]:
    yield root
    for child in root.children:
        yield from _elements(child)
