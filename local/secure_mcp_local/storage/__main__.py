"""`python -m secure_mcp_local.storage`: installs Azurite; part of `make setup`."""

import sys

from apim_policies.errors import LocalCloudError
from secure_mcp_local.storage.installation import install

if __name__ == "__main__":
    try:
        install()
    except LocalCloudError as error:
        sys.exit(str(error))
