"""Batches of random expressions and bodies by seed."""

import random

from fuzz.expressions import Expressions
from fuzz.statements import Statements


def batch(seed: int, size: int, depth: int, statements: float) -> list[str]:
    """Different texts, always the same ones for a seed and a library.

    Args:
        seed: of the chance.
        size: how many texts are made; fewer come out, as some are made twice.
        depth: how deep the deepest ones are nested.
        statements: how large a part of them are bodies `@{ }`.
    """
    chance = random.Random(seed)
    expressions, bodies = Expressions(chance), Statements(chance)
    count = round(size * statements)
    texts = [expressions.expression(1 + n % depth) for n in range(size - count)]
    texts += [bodies.body(1 + n % depth) for n in range(count)]
    return list(dict.fromkeys(texts))
