"""`secure-mcp doctor`: which parts of the contract a server keeps, seen from outside.

A client like any other: it knows of the server only what HTTP tells, so it works against every deployment.
"""

from secure_mcp_local.doctor.check import Check, Section
from secure_mcp_local.doctor.checks import SECTIONS
from secure_mcp_local.doctor.examination import chosen, examine
from secure_mcp_local.doctor.report import DoctorError, Finding, Outcome, Report
from secure_mcp_local.doctor.server import Server
from secure_mcp_local.doctor.sign_in import Browser, Person, SignIn
from secure_mcp_local.doctor.subject import Options, Subject

__all__ = [
    "SECTIONS",
    "Browser",
    "Check",
    "DoctorError",
    "Finding",
    "Options",
    "Outcome",
    "Person",
    "Report",
    "Section",
    "Server",
    "SignIn",
    "Subject",
    "chosen",
    "examine",
]
