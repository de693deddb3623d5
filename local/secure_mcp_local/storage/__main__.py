"""`python -m secure_mcp_local.storage`: installs Azurite; part of `make setup`."""

import sys

from secure_mcp_local.errors import ExplainedError
from secure_mcp_local.storage.installation import install

if __name__ == "__main__":
    try:
        install()
    except ExplainedError as error:
        sys.exit(str(error))
