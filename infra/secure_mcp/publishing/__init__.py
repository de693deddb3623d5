"""The function app's code, brought to Azure: by `pulumi up`, once for each content of the package, or by hand.

The package goes to the app's own deployment endpoint with the token of whoever deploys, as Microsoft's tools do it. Nothing is
uploaded to storage from here: the platform writes the package to the deployment container with the app's identity. So the
deployer needs the right to write to the site (Website Contributor, for example), and no role on data.

    python -m secure_mcp.publishing function_app --app RESOURCE-ID
"""

from .failure import PublishingError
from .resource import publish_code

__all__ = ["PublishingError", "publish_code"]
