"""What can be known about policies before anything is deployed."""

from apim_policies.check.finding import Finding, Level, Report, Rule
from apim_policies.check.inspection import RULES, check_files

__all__ = ["RULES", "Finding", "Level", "Report", "Rule", "check_files"]
