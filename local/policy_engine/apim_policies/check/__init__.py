"""`secure-mcp check`: what can be known about a stack, or about policy files, before anything is deployed."""

from apim_policies.check.finding import Finding, Level, Report, Rule
from apim_policies.check.inspection import RULES, check_files, check_stack

__all__ = ["RULES", "Finding", "Level", "Report", "Rule", "check_files", "check_stack"]
