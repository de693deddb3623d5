"""A FastMCP image on Container Apps, which scales to zero, behind a gateway of the same stack."""

import pulumi

from secure_mcp import Gateway, Server

config = pulumi.Config()
location = pulumi.Config("azure-native").require("location")
gateway = Gateway("apps", {"location": location, "apim_publisher_email": config.require("publisherEmail")})
server = Server(
    "weather",
    {
        "gateway": gateway.reference,
        "path": "weather",
        "location": location,
        "container_app": {"image": config.require("image"), "port": 8000, "app_settings": {"LOG_LEVEL": "info"}},
        "sse_transport": "disabled",
        "assigned_groups": [config.require("group")],
    },
)
pulumi.export("weatherUrl", server.url)
pulumi.export("serverPrincipalId", server.host_principal_id)
