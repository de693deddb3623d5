"""For tests of other people's stacks: the local cloud as a fixture, people who sign in, clients that call.

`docs/testing.md` shows how. Pytest finds the fixtures by itself; here are the classes behind them.
"""

from secure_mcp_local.testing.application import Application, answer_of
from secure_mcp_local.testing.person import Person

__all__ = ["Application", "Person", "answer_of"]
