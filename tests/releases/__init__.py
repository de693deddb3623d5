"""What servers of a release bring to a gateway, and what they find there: by contract version, as `secure_mcp.reference` counts them.

A gateway and its servers are deployed by different teams at different times. The documents of each version that is still taken are kept
here, as the release rendered them that had it first, and what its gateway stored: today's gateway serves both in `test_releases.py`.
`python -m releases` (from `tests`) writes those of the version that the library has now: done once, when the version has gone up.
"""

import json
import re
from pathlib import Path
from typing import Any

from secure_mcp.reference import CONTRACT
from secure_mcp_local.recording import Recording

HERE = Path(__file__).parent
APIM = "azure-native:apimanagement:"
PROGRAM = """
import pulumi
from secure_mcp import Gateway, Server

gateway = Gateway("shared", {"location": "swedencentral", "apim_publisher_email": "p@example.com", "sign_in_rate_limit": 100000})
Server("notes", {
    "gateway": gateway.reference, "path": "notes", "display_name": "Notes", "address": {"url": "http://localhost:20/mcp"},
    "mcp_scopes": ["notes", "notes:write"], "tool_scopes": {"save": "notes:write"}, "tool_roles": {"drop": "Notes.Drop"},
    "scope_descriptions": {"notes": "Read your notes"}, "allowed_origins": ["https://notes.example.com"], "mcp_rate_limit": 1000,
    "assigned_groups": ["00000000-0000-4000-8000-00000000d0e1"],
    "assigned_roles": {"a11ce000-0000-4000-8000-000000000001": "Notes.Drop"},
})
pulumi.export("gateway", gateway.reference)
"""
"""A gateway, and a server that has a bit of everything."""
_VARIABLE = re.compile(r'Variables(?:\.ContainsKey\(|\.GetValueOrDefault(?:<[^>]*>)?\(|\[)"(\w+)"')
_SET = re.compile(r'(?:<set-variable name|-variable-name|variable-name|response-variable-name)="(\w+)"')


def documents(recording: Recording) -> dict[str, str]:
    """The policies of the server's APIs, by their ids."""
    policies = [r for r in recording.all(APIM + "ApiPolicy") if "notes" in str(r.get("apiId"))]
    return {str(policy.get("apiId")): str(policy.inputs["value"]) for policy in policies}


def offered(recording: Recording) -> dict[str, list[str]]:
    """The gateway's fragments, each with the variables that it sets, and under an empty name its named values."""
    own = [str(one.get("displayName")) for one in recording.all(APIM + "NamedValue")]
    return {"": sorted(name for name in own if "notes" not in name)} | {
        str(fragment.get("id")): sorted(set(_SET.findall(fragment.inputs["value"])))
        for fragment in recording.all(APIM + "PolicyFragment")
    }


def needed(document: str) -> tuple[set[str], set[str]]:
    """What a server's document takes from its gateway: fragments, and variables that it does not set itself."""
    fragments = set(re.findall(r'<include-fragment fragment-id="([\w-]+)"', document))
    return fragments, set(_VARIABLE.findall(document)) - set(_SET.findall(document))


def folder(version: int) -> Path:
    return HERE / str(version)


def read(version: int) -> tuple[dict[str, str], dict[str, list[str]]]:
    """The documents of a version's servers, and what its gateways offer them."""
    found = {file.stem: file.read_text(encoding="utf-8") for file in folder(version).glob("*.xml")}
    return found, json.loads((folder(version) / "offered.json").read_text())


def write(recording: Recording) -> None:
    """Keeps the version that the library has now."""
    folder(CONTRACT).mkdir(exist_ok=True)
    for api, document in documents(recording).items():
        (folder(CONTRACT) / f"{api}.xml").write_text(document, encoding="utf-8")
    text: Any = offered(recording)
    (folder(CONTRACT) / "offered.json").write_text(json.dumps(text, indent=2, sort_keys=True) + "\n")
