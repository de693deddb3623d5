"""The table: every rule about what is declared, and how it is asked.

`secure-mcp check`, `plan`, `local` and the stand-ins under the real engine all ask this one, and say the same words.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from secure_mcp_local.recording.resources import Resource
from secure_mcp_local.rules import (
    alerts,
    app_settings,
    containers,
    data,
    directory,
    documents,
    exposure,
    gateway,
    grants,
    host,
    logs,
    names,
    network,
    paths,
    provider,
    references,
    trust,
    versions,
)
from secure_mcp_local.rules.rule import Level, Rule, Stack

RULES: tuple[Rule, ...] = (
    *provider.RULES,
    *versions.RULES,
    *names.RULES,
    *references.RULES,
    *gateway.RULES,
    *documents.RULES,
    *host.RULES,
    *app_settings.RULES,
    *containers.RULES,
    *data.RULES,
    *paths.RULES,
    *network.RULES,
    *exposure.RULES,
    *directory.RULES,
    *grants.RULES,
    *trust.RULES,
    *logs.RULES,
    *alerts.RULES,
)


@dataclass(frozen=True)
class Broken:
    """A rule that a resource breaks."""

    rule: Rule
    resource: Resource
    said: str

    def __str__(self) -> str:
        return f"{self.resource.name} ({self.resource.type.rpartition(':')[2]}): {self.said}"

    @property
    def explained(self) -> str:
        """With what to do, and where it stands."""
        return f"{self.said}. {self.rule.fix} ({self.rule.name}: {self.rule.source})"


def broken(stack: Stack, *levels: Level) -> Iterator[Broken]:
    """Everything that is wrong with a stack, in the order of the program.

    Args:
        stack: What is declared.
        levels: Those of the rules that are asked; none: all.
    """
    for resource in stack:
        if resource.read:
            continue
        for rule in RULES:
            if rule.concerns(resource.type) and (not levels or rule.level in levels):
                for said in rule.broken(resource, stack):
                    yield Broken(rule, resource, said)


def refused(operation: str, resource: Resource, stack: Callable[[], Stack]) -> Iterator[Broken]:
    """What Azure says against an operation while a stack is deployed.

    Args:
        operation: `create`, `update` or `delete`.
        resource: As it is to be, or, to be deleted, as it is.
        stack: Gives what is there now.
    """
    for rule in RULES:
        if operation in rule.operations and rule.concerns(resource.type):
            for said in rule.broken(resource, stack()):
                yield Broken(rule, resource, said)
