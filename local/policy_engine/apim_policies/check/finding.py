"""What a check finds: a rule that is broken, where, and what to do about it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Level = Literal["error", "warning"]


@dataclass(frozen=True)
class Rule:
    """One thing that is checked. `docs/check.md` shows each with an example."""

    name: str
    level: Level
    """Error: Azure refuses it, or it cannot do what it is meant to. Warning: it is likely to be a mistake."""
    why: str
    fix: str
    source: str = ""
    """From where it is known: every error has one. What is only believed is a warning that says so."""


@dataclass(frozen=True)
class Finding:
    rule: Rule
    message: str
    """The thing and its value."""
    file: str
    """Path of the file, or the name of a document that has none."""
    line: int = 0
    """From 1; 0: the finding is about the whole of it."""
    column: int = 0
    document: str = ""
    """The declared document that the file was rendered to, if it is a template."""
    rendered: bool = False
    """Whether line and column are those of the rendered document, because no line of a template could be found."""
    excerpt: str = ""
    """The line of the document, as it would be sent; named values are not filled in."""
    column_of_excerpt: int = 0
    """Where in it, which is not `column` if the line was rendered from a template."""

    @property
    def place(self) -> str:
        """Where it is, for people: `file:line:column`, which editors open, or the line of a rendered document."""
        if self.rendered:
            return f"{self.file} (rendered) line {self.line}" if self.line else f"{self.file} (rendered)"
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True)
class Report:
    findings: tuple[Finding, ...]
    """In order of file and place, each once."""
    documents: int
    """How many policy documents were checked."""
    others: int = 0
    """How many other declared things were checked."""
    notes: tuple[str, ...] = ()
    """What was not checked, as sentences."""

    @classmethod
    def of(cls, findings: Iterable[Finding], documents: int, others: int = 0, notes: Iterable[str] = ()) -> "Report":
        """Findings in any order. One that several documents share, such as a line of a macro, is there once."""
        unique: dict[object, Finding] = {}
        for one in findings:
            unique.setdefault((one.rule.name, one.file, one.line, one.column, one.message), one)
        order = sorted(unique.values(), key=lambda one: (one.file, one.line, one.column, one.rule.name))
        return cls(tuple(order), documents, others, tuple(dict.fromkeys(notes)))

    @classmethod
    def joined(cls, reports: Iterable["Report"]) -> "Report":
        """Several reports as one."""
        every = list(reports)
        return cls.of(
            (finding for report in every for finding in report.findings),
            sum(report.documents for report in every),
            sum(report.others for report in every),
            (note for report in every for note in report.notes),
        )

    @property
    def empty(self) -> bool:
        """Whether nothing was checked and nothing found: no reason to be content."""
        return not (self.documents or self.others or self.findings)

    def count(self, level: Level) -> int:
        return sum(finding.rule.level == level for finding in self.findings)

    def failed(self, *, strict: bool) -> bool:
        """Whether it should stop a deployment: any error, and when strict any warning."""
        return self.count("error") > 0 or (strict and self.count("warning") > 0)
