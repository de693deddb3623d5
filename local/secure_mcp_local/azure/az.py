"""`az`, as far as azure-identity asks it: a token for whoever deploys, who is signed in."""

import os
import sys
import urllib.error
import urllib.request
from urllib.parse import quote

TOKENS = "SECURE_MCP_STAND_IN_TOKENS"
"""Address that gives tokens, for the time of one `secure-mcp stand-ins`."""


def main(arguments: list[str]) -> int:
    """Prints what Azure CLI prints; returns its exit code."""
    if arguments[:2] != ["account", "get-access-token"] or "--resource" not in arguments[:-1]:
        print("the stand-in for az knows one command: az account get-access-token --resource RESOURCE", file=sys.stderr)
        return 2
    resource = arguments[arguments.index("--resource") + 1]
    address = f"{os.environ[TOKENS]}?resource={quote(resource, safe='')}"
    # Not through the proxy, whatever the environment says of it.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(address, timeout=10) as answer:
            print(answer.read().decode())
    except urllib.error.URLError as error:
        print(f"Please run 'az login' to setup account. ({error})", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
