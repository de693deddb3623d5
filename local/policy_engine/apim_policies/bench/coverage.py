"""Which policies ran, and which ways their conditions went: those of policies and those inside expressions."""

import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from apim_policies.elements.flow import inside
from apim_policies.expressions.binding.binder import Binder
from apim_policies.expressions.code import Code
from apim_policies.expressions.compiler import compile_by
from apim_policies.expressions.expression import Expression
from apim_policies.expressions.syntax.tree import Node
from apim_policies.expressions.types import BOOL
from apim_policies.gateway.gateway import Gateway
from apim_policies.pipeline.sections import Base, Placed
from apim_policies.pipeline.trace import Place, RequestTrace


@dataclass
class Decision:
    """A condition, and how often it held and did not."""

    document: str
    line: int
    column: int
    held: int = 0
    failed: int = 0

    @property
    def taken(self) -> int:
        """How many of its two ways were taken."""
        return bool(self.held) + bool(self.failed)

    def mark(self, value: Any) -> Any:
        """Notes what a condition gave, and gives it."""
        if value:
            self.held += 1
        else:
            self.failed += 1
        return value


@dataclass
class Coverage:
    """What tests have reached of a gateway's policies. `compile` is what compiles its expressions."""

    policies: dict[Place, int] = field(default_factory=dict[Place, int])
    """How often each ran."""
    decisions: list[Decision] = field(default_factory=list[Decision])
    files: dict[str, str] = field(default_factory=dict[str, str])
    """Files of documents, by their names: what CI tools know them by."""
    written: set[str] = field(default_factory=set[str])
    """Names of documents that somebody wrote. Others, such as a service's policy where none is declared, do not count."""
    _places: dict[tuple[str, int, int], Decision] = field(default_factory=dict[tuple[str, int, int], Decision])

    def compile(self, text: str, *, document: str = "", line: int = 1, column: int = 1) -> Expression:
        """Compiles an expression that notes which ways its conditions went."""
        coverage = self

        class Covered(Binder):
            def root(self, node: Node) -> Callable[[], Callable[[list[Any]], Any]]:
                given = super().root(node)
                inner = node.a if node.kind == "return" else None
                while inner is not None and inner.kind == "paren":
                    inner = inner.a
                if inner is None or inner.kind == "bool" or (inner.kind == "bin" and inner.a in {"&&", "||"}):
                    return given
                if Binder(self.source, self.extensions).rvalue(inner).type != BOOL:
                    return given
                run, decision = given(), self._decision(inner)
                return lambda: lambda env: decision.mark(run(env))

            def _decision(self, node: Node) -> Decision:
                place = self.source.error(node.pos, "")
                return coverage.decision(document, place.line, place.column)

            def branching(self, node: Node, outer: str | None = None) -> tuple[Code, frozenset[int], frozenset[int]]:
                run, when_true, when_false = super().branching(node, outer)
                if node.kind in {"bool", "paren"} or (
                    node.kind == "bin" and node.a in {"&&", "||"} and outer is not None
                ):
                    return run, when_true, when_false
                return Code("{mark}({0})", run, mark=self._decision(node).mark), when_true, when_false

        return compile_by(Covered, text, document, line, column)

    def decision(self, document: str, line: int, column: int) -> Decision:
        """The condition at a place: the same for every gateway that has it, as each case has one of its own."""
        found = self._places.get((document, line, column))
        if found is None:
            found = self._places[document, line, column] = Decision(document, line, column)
            self.decisions.append(found)
        return found

    def learn(self, gateway: Gateway) -> None:
        """Every policy that a gateway has."""
        for api in gateway.compiled.apis:
            for one in (api, *api.of_product.values()):
                for operation in one.operations:
                    for scope in operation.scopes:
                        for placed in scope.sections.values():
                            for place in _places(placed):
                                self.policies.setdefault(place, 0)

    def add(self, trace: RequestTrace) -> None:
        """What one request reached."""
        for step in trace.steps:
            self.policies[step.place] = self.policies.get(step.place, 0) + 1

    @property
    def documents(self) -> Mapping[str, tuple[dict[int, int], dict[int, list[Decision]]]]:
        """Of each document, lines with how often they ran, and the decisions of each line."""
        found: dict[str, tuple[dict[int, int], dict[int, list[Decision]]]] = {}
        for place, count in self.policies.items():
            lines, _ = found.setdefault(place.document, ({}, {}))
            lines[place.line] = max(lines.get(place.line, 0), count)
        for decision in self.decisions:
            lines, decisions = found.setdefault(decision.document, ({}, {}))
            decisions.setdefault(decision.line, []).append(decision)
            reached = decision.held + decision.failed
            lines[decision.line] = max(lines.get(decision.line, 0), reached)
        return {name: each for name, each in found.items() if name in self.written}

    def table(self) -> str:
        """What people read: for each document how much ran, and which lines did not."""
        rows = [("document", "policies", "ways", "never ran (lines)")]
        for name, (lines, decisions) in sorted(self.documents.items()):
            ways = [one for each in decisions.values() for one in each]
            counts = [count for place, count in self.policies.items() if place.document == name]
            missed = [str(line) for line, count in sorted(lines.items()) if not count]
            shown = ", ".join(missed[:12]) + (" …" if len(missed) > 12 else "")
            ran = _share(sum(map(bool, counts)), len(counts))
            rows.append((self.files.get(name, name), ran, _share(sum(one.taken for one in ways), 2 * len(ways)), shown))
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        return "\n".join(
            "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]).rstrip()
            for row in rows
        )

    def write(self, path: Path) -> None:
        """A file that CI tools read: LCOV if it is called `.info`, Cobertura otherwise.

        https://github.com/cobertura/cobertura/blob/master/cobertura/src/site/htdocs/xml/coverage-04.dtd
        """
        path.write_text(self._lcov() if path.suffix == ".info" else self._cobertura(), encoding="utf-8")

    def _lcov(self) -> str:
        out: list[str] = []
        for name, (lines, decisions) in sorted(self.documents.items()):
            out += [
                f"SF:{self.files.get(name, name)}",
                *(f"DA:{line},{count}" for line, count in sorted(lines.items())),
            ]
            for line, each in sorted(decisions.items()):
                for block, one in enumerate(each):
                    # A way that was not taken has 0; a dash says that nobody ever came to the condition.
                    untaken = "0" if one.taken else "-"
                    out += [
                        f"BRDA:{line},{block},{way},{count or untaken}"
                        for way, count in enumerate((one.held, one.failed))
                    ]
            ways = [count for each in decisions.values() for one in each for count in (one.held, one.failed)]
            # Some tools read the counts and not the lines. https://ltp.sourceforge.net/coverage/lcov/geninfo.1.php
            out += [f"BRF:{len(ways)}", f"BRH:{sum(map(bool, ways))}"]
            out += [f"LF:{len(lines)}", f"LH:{sum(map(bool, lines.values()))}", "end_of_record"]
        return "\n".join(out) + "\n"

    def _cobertura(self) -> str:
        root = ET.Element("coverage", {"version": "1", "timestamp": "0", "complexity": "0"})
        ET.SubElement(ET.SubElement(root, "sources"), "source").text = "."
        package = ET.SubElement(ET.SubElement(root, "packages"), "package", {"name": "policies", "complexity": "0"})
        classes = ET.SubElement(package, "classes")
        covered = valid = taken = ways = 0
        for name, (lines, decisions) in sorted(self.documents.items()):
            element = ET.SubElement(
                classes, "class", {"name": name, "filename": self.files.get(name, name), "complexity": "0"}
            )
            ET.SubElement(element, "methods")
            inner = ET.SubElement(element, "lines")
            every = [one for each in decisions.values() for one in each]
            element.set("line-rate", _rate(sum(map(bool, lines.values())), len(lines)))
            element.set("branch-rate", _rate(sum(one.taken for one in every), 2 * len(every)))
            for line, count in sorted(lines.items()):
                each = decisions.get(line, [])
                attributes = {"number": str(line), "hits": str(count), "branch": str(bool(each)).lower()}
                if each:
                    went = sum(one.taken for one in each)
                    attributes["condition-coverage"] = f"{100 * went // (2 * len(each))}% ({went}/{2 * len(each)})"
                    taken, ways = taken + went, ways + 2 * len(each)
                ET.SubElement(inner, "line", attributes)
                valid, covered = valid + 1, covered + bool(count)
        for element in (root, package):
            element.set("line-rate", _rate(covered, valid))
            element.set("branch-rate", _rate(taken, ways))
        root.set("lines-valid", str(valid))
        root.set("lines-covered", str(covered))
        root.set("branches-valid", str(ways))
        root.set("branches-covered", str(taken))
        ET.indent(root)
        return '<?xml version="1.0" ?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _share(part: int, whole: int) -> str:
    return f"{part}/{whole}" if whole else "-"


def _rate(part: int, whole: int) -> str:
    return f"{part / (whole or 1):.4f}"


def _places(policies: list[Placed]) -> Iterator[Place]:
    for placed in policies:
        if not isinstance(placed.policy, Base):
            yield placed.place
            for inner in inside(placed.policy):
                yield from _places(inner)
