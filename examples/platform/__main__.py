"""A gateway for the servers of all teams. They publish themselves, in stacks of their own, with what this one exports."""

import pulumi

from secure_mcp import Gateway

config = pulumi.Config()
gateway = Gateway(
    "shared",
    {
        "location": pulumi.Config("azure-native").require("location"),
        "apim_publisher_email": config.require("publisherEmail"),
        "apim_publisher_name": "platform",
        "sign_in_rate_limit": config.require_int("rateLimit"),
    },
)
pulumi.export("gateway", gateway.reference)
pulumi.export("gatewayUrl", gateway.url)
