"""Two whole servers in a stack of somebody else's, one for each team. The second is on a private network, locked and protected."""

from pathlib import Path

import pulumi

from secure_mcp import SecureMcpServer

config = pulumi.Config()
shared = {
    "location": pulumi.Config("azure-native").require("location"),
    "apim_publisher_email": config.require("publisherEmail"),
    "code": str(Path(__file__).resolve().parents[2] / "function_app"),
    # What the code keeps, and how it is told.
    "containers": ["snippets"],
    "app_settings": {"SNIPPETS_CONTAINER": "snippets"},
}
engineering = SecureMcpServer("engineering", {**shared, "assigned_groups": [config.require("engineering")]})
finance = SecureMcpServer(
    "finance",
    {
        **shared,
        "assigned_groups": [config.require("finance")],
        "apim_sku": "StandardV2",
        "vnet_enabled": True,
        "key_vault_enabled": True,
        "locked": True,
        "consent_days": 0,
    },
    pulumi.ResourceOptions(protect=True),
)
pulumi.export("engineeringUrl", engineering.mcp_url)
pulumi.export("financeUrl", finance.mcp_url)
