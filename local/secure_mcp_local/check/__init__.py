"""`secure-mcp check`: what can be known about a stack before anything is deployed."""

from secure_mcp_local.check.stack import RULES, check_recording, check_stack

__all__ = ["RULES", "check_recording", "check_stack"]
