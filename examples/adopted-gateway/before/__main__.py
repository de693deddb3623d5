"""What is there before: a hub network, and an API Management with other people's API. Nothing here is secure-mcp's."""

import pulumi
from pulumi_azure_native import (
    apimanagement,
    managedidentity,
    monitor,
    network,
    operationalinsights,
    privatedns,
    resources,
)

location = pulumi.Config("azure-native").require("location")
group = resources.ResourceGroup("hub", resource_group_name="rg-hub", location=location)
rules = network.NetworkSecurityGroup(
    "hub",
    network_security_group_name="nsg-hub",
    resource_group_name=group.name,
    location=location,
    security_rules=[
        {
            "name": "deny-internet",
            "priority": 100,
            "direction": "Inbound",
            "access": "Deny",
            "protocol": "*",
            "source_address_prefix": "Internet",
            "source_port_range": "*",
            "destination_address_prefix": "*",
            "destination_port_range": "*",
        }
    ],
)
hub = network.VirtualNetwork(
    "hub",
    virtual_network_name="vnet-hub",
    resource_group_name=group.name,
    location=location,
    address_space={"address_prefixes": ["10.50.0.0/22"]},
    subnets=[
        {
            "name": "gateway",
            "address_prefix": "10.50.0.0/24",
            "delegations": [{"name": "delegation", "service_name": "Microsoft.Web/serverFarms"}],
            "network_security_group": {"id": rules.id},
        },
        {
            "name": "function",
            "address_prefix": "10.50.1.0/24",
            "delegations": [{"name": "delegation", "service_name": "Microsoft.App/environments"}],
            "network_security_group": {"id": rules.id},
        },
        {
            "name": "endpoints",
            "address_prefix": "10.50.2.0/24",
            "network_security_group": {"id": rules.id},
            "private_endpoint_network_policies": "Enabled",
        },
    ],
)
zones = {
    kind: privatedns.PrivateZone(
        kind, private_zone_name=f"privatelink.{domain}", resource_group_name=group.name, location="global"
    )
    for kind, domain in {
        "blob": "blob.core.windows.net",
        "queue": "queue.core.windows.net",
        "sites": "azurewebsites.net",
        "Sql": "documents.azure.com",
    }.items()
}
for kind, zone in zones.items():
    privatedns.VirtualNetworkLink(
        kind,
        virtual_network_link_name="hub",
        private_zone_name=zone.name,
        resource_group_name=group.name,
        location="global",
        registration_enabled=False,
        virtual_network={"id": hub.id},
    )
identity = managedidentity.UserAssignedIdentity(
    "mcp", resource_name_="id-mcp", resource_group_name=group.name, location=location
)
service = apimanagement.ApiManagementService(
    "hub",
    service_name="apim-hub",
    resource_group_name=group.name,
    location=location,
    sku={"name": "StandardV2", "capacity": 1},
    publisher_email=pulumi.Config().require("publisherEmail"),
    publisher_name="hub",
    identity=apimanagement.ApiManagementServiceIdentityArgs(
        type=apimanagement.ApimIdentityType.USER_ASSIGNED,
        user_assigned_identities=identity.id.apply(lambda id: {id: apimanagement.UserIdentityPropertiesArgs()}),
    ),
    developer_portal_status="Disabled",
    virtual_network_type="External",
    virtual_network_configuration={"subnet_resource_id": pulumi.Output.concat(hub.id, "/subnets/gateway")},
)
workspace = operationalinsights.Workspace(
    "hub",
    workspace_name="log-hub",
    resource_group_name=group.name,
    location=location,
    retention_in_days=30,
    sku={"name": "PerGB2018"},
    features={"disable_local_auth": True},
)
monitor.DiagnosticSetting(
    "hub",
    name="hub",
    resource_uri=service.id,
    workspace_id=workspace.id,
    log_analytics_destination_type="Dedicated",
    logs=[{"category_group": "allLogs", "enabled": True}],
)
greeting = apimanagement.NamedValue(
    "greeting",
    named_value_id="OAuthScopes",
    display_name="OAuthScopes",
    value="somebody else's, with a name that ours has, too",
    service_name=service.name,
    resource_group_name=group.name,
)
api = apimanagement.Api(
    "weather",
    api_id="mcp",
    display_name="Weather",
    path="weather",
    protocols=["https"],
    subscription_required=False,
    service_name=service.name,
    resource_group_name=group.name,
)
operation = apimanagement.ApiOperation(
    "forecast",
    operation_id="forecast",
    display_name="Forecast",
    method="GET",
    url_template="/forecast",
    api_id=api.name,
    service_name=service.name,
    resource_group_name=group.name,
)
apimanagement.ApiPolicy(
    "weather",
    policy_id="policy",
    format="rawxml",
    value=(
        "<policies><inbound><base /><return-response><set-status code='200' reason='OK' /><set-body>{{OAuthScopes}}</set-body>"
        "</return-response></inbound><backend><base /></backend><outbound><base /></outbound><on-error><base /></on-error></policies>"
    ),
    api_id=api.name,
    service_name=service.name,
    resource_group_name=group.name,
    opts=pulumi.ResourceOptions(depends_on=[greeting]),
)
pulumi.export("service", service.name)
pulumi.export("group", group.name)
pulumi.export("identity", identity.id)
pulumi.export(
    "network",
    {
        "gateway_subnet_id": pulumi.Output.concat(hub.id, "/subnets/gateway"),
        "function_subnet_id": pulumi.Output.concat(hub.id, "/subnets/function"),
        "endpoint_subnet_id": pulumi.Output.concat(hub.id, "/subnets/endpoints"),
        "private_dns_zones": {kind: zone.id for kind, zone in zones.items()},
    },
)
