"""What only Azure can answer: questions, what is believed, and a command that asks."""

from secure_mcp_local.unknowns import deployment, gateway
from secure_mcp_local.unknowns.question import Answer, Question

QUESTIONS: tuple[Question, ...] = (*gateway.QUESTIONS, *deployment.QUESTIONS)

__all__ = ["QUESTIONS", "Answer", "Question"]
