"""How statements end, and what can be reached."""

from collections.abc import Iterable, Iterator
from typing import Any, cast

from apim_policies.expressions.syntax.tree import Node


def declared(node: Node) -> list[str]:
    """Names of the locals that a statement declares for the block around it, those in its expressions too."""
    if node.kind == "if":
        return list(_in_expressions(node.a))
    if node.kind not in {"local", "expr", "return", "throw"}:
        return []
    names = [name for name, _, _ in node.b] if node.kind == "local" else []
    return [*names, *_in_expressions((node.a, node.b))]


def _in_expressions(part: Any) -> Iterator[str]:
    """Names that `out` and `is` declare."""
    if isinstance(part, list | tuple):
        for each in cast("Iterable[Any]", part):
            yield from _in_expressions(each)
    if isinstance(part, Node) and part.kind != "lambda":
        if part.kind == "outvar":
            yield part.b
        if part.kind == "isdecl":
            yield part.c
        for each in (part.a, part.b, part.c, part.d):
            yield from _in_expressions(each)


def completes(node: Node) -> bool:
    """Whether the end of a statement can be reached."""
    match node.kind:
        case "return" | "throw" | "continue" | "break":
            return False
        case "block":
            return all(completes(child) for child in node.a)
        case "if" if node.a.kind == "bool":
            chosen = node.b if node.a.a else node.c
            return chosen is None or completes(chosen)
        case "if":
            return node.c is None or completes(node.b) or completes(node.c)
        case "try":
            ends = completes(node.a) or any(completes(clause[3]) for clause in node.b)
            return ends and (node.c is None or completes(node.c))
        case "using":
            return completes(node.b)
        case "checkedblock":
            return completes(node.a)
        case "while" | "do" | "for":
            condition, body = (node.b, node.d) if node.kind == "for" else (node.a, node.b)
            endless = condition is None or (condition.kind == "bool" and condition.a)
            return not endless or jumps(body, "break")
        case "switch":
            labels = [label for section in node.b for label in section[0]]
            ends = any(jumps(statement, "break") for section in node.b for statement in section[1])
            return None not in labels or ends
        case _:
            return True


def jumps(node: Node, kind: str) -> bool:
    """Whether a statement has a `break` or `continue` (the kind) that belongs to the loop, or for `break` the switch, around it."""
    if node.kind == kind:
        return True
    match node.kind:
        case "block":
            return any(jumps(child, kind) for child in node.a)
        case "if":
            return jumps(node.b, kind) or (node.c is not None and jumps(node.c, kind))
        case "try":
            return jumps(node.a, kind) or any(jumps(clause[3], kind) for clause in node.b)
        case "using":
            return jumps(node.b, kind)
        case "checkedblock":
            return jumps(node.a, kind)
        case "switch" if kind == "continue":
            return any(jumps(statement, kind) for section in node.b for statement in section[1])
        case _:
            return False


def either(one: frozenset[int] | None, two: frozenset[int] | None) -> frozenset[int]:
    """What may be unassigned where two ways meet; None is a way that does not get there."""
    return (one or frozenset()) | (two or frozenset())
