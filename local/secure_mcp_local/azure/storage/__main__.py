"""`python -m secure_mcp_local.azure.storage`: installs Azurite; part of `make setup`."""

import sys

from secure_mcp_local.azure.storage.installation import install
from secure_mcp_local.errors import ExplainedError

if __name__ == "__main__":
    try:
        install()
    except ExplainedError as error:
        sys.exit(str(error))
