"""What a real subscription would say to a stack, asked before anything is created. Nothing is changed."""

from secure_mcp_local.preflight.check import Check, Line, Outcome
from secure_mcp_local.preflight.examination import CHECKS, examine
from secure_mcp_local.preflight.subject import Subject

__all__ = ["CHECKS", "Check", "Line", "Outcome", "Subject", "examine"]
