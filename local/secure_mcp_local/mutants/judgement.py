"""Whether a mutant is noticed, and by what."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from apim_policies.check.document import Document
from secure_mcp_local.check import plan
from secure_mcp_local.check.gateway import documents_of, gateways
from secure_mcp_local.errors import ExplainedError
from secure_mcp_local.mutants.equivalents import Equivalent, equivalent
from secure_mcp_local.mutants.mutant import Mutant
from secure_mcp_local.recording import Recording, Resource, arguments

_DOCUMENTS = frozenset(
    f"azure-native:apimanagement:{kind}" for kind in ("Policy", "ApiPolicy", "ApiOperationPolicy", "PolicyFragment")
)


@dataclass(frozen=True)
class Verdict:
    mutant: Mutant
    by: str = ""
    """What noticed it: the name of a rule of `check`, or `local`; empty: nothing."""
    said: str = ""
    """What it says, or, of a survivor, what was said without naming the mistake."""
    equivalent: Equivalent | None = None

    @property
    def killed(self) -> bool:
        return bool(self.by)


@dataclass
class Judge:
    """Holds the findings of the stack as it is: only what a mutant adds counts."""

    recording: Recording
    known: frozenset[tuple[str, str]] = field(init=False)

    def __post_init__(self) -> None:
        self.known = frozenset(self._found(self.recording, None))

    def judged(self, mutant: Mutant) -> Verdict:
        """What `secure-mcp check` says of a mutant, in process: the program is not run again."""
        same = equivalent(mutant)
        try:
            changed = mutant.applied(self.recording)
            found = self._found(changed, mutant)
            unnamed = ""
            for rule, said in found:
                if (rule, said) in self.known:
                    continue
                if any(needle in said.lower() for needle in mutant.needles):
                    return Verdict(mutant, rule, said)
                unnamed = unnamed or f"{said} [{rule}]"
        except ExplainedError as error:
            # The program itself does not run with it.
            return Verdict(mutant, "plan", str(error))
        return Verdict(mutant, "", unnamed, same)

    def _found(self, recording: Recording, mutant: Mutant | None) -> Iterator[tuple[str, str]]:
        resource = recording.by_urn(mutant.urn) if mutant is not None else None
        if resource is not None:
            for problem in arguments.check(resource.type, resource.inputs, resource.unknowns):
                yield "plan", f"{resource.name}: {problem}"
        for finding in plan.declared(recording, "", documents=False):
            yield finding.rule.name, finding.message
        apim = mutant is None or mutant.type.startswith(plan.MODULE)
        if apim:
            yield from self._of_documents(recording, resource)

    def _of_documents(self, recording: Recording, resource: Resource | None) -> Iterator[tuple[str, str]]:
        for gateway in gateways(recording):
            documents = documents_of(gateway)
            by_name = {document.name: urn for urn, document in documents.items()}
            names = {one.urn: one.name for one in gateway}
            for finding in plan.without_documents(gateway, documents, ""):
                about = names.get(by_name.get(finding.file, ""), "")
                yield finding.rule.name, f"{about} {finding.message}".strip()
            if resource is not None and resource.urn in documents and resource.type in _DOCUMENTS:
                yield from self._examined(documents[resource.urn], gateway, documents, resource)

    def _examined(
        self, document: Document, gateway: Recording, documents: dict[str, Document], resource: Resource
    ) -> Iterator[tuple[str, str]]:
        before = self.recording.by_urn(resource.urn)
        if before is not None and before.inputs.get("value") == resource.inputs.get("value"):
            return
        from apim_policies.check.inspection import examine  # noqa: PLC0415  (slow to import)

        values = {
            str(one.get("displayName")): None if one.get("secret") else one.get("value")
            for one in gateway.all(plan.MODULE + "NamedValue")
        }
        fragments = {one.fragment: one.text for one in documents.values() if one.fragment}
        for finding in examine(document, values, fragments):
            yield finding.rule.name, f"{resource.name}: {finding.message}"


def counts(verdicts: list[Verdict]) -> dict[str, tuple[int, int, int]]:
    """By type: how many there are, are killed, and are equivalent."""
    every, killed, same = Counter[str](), Counter[str](), Counter[str]()
    for one in verdicts:
        every[one.mutant.type] += 1
        killed[one.mutant.type] += one.killed
        same[one.mutant.type] += not one.killed and one.equivalent is not None
    return {type: (every[type], killed[type], same[type]) for type in sorted(every)}
