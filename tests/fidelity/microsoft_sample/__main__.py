"""Azure-Samples/remote-mcp-apim-functions-python, resource by resource as its Bicep has it (commit 130c553).

Nothing here is ours: no component of the library, no name of ours. What it does worse than it could, it does on purpose.

Not here: its virtual network (an option of it), and its deployment script, whose PowerShell makes two named values that nothing
declares; they are declared here, with random bytes.
"""

import uuid
from pathlib import Path

import pulumi
import pulumi_azuread as azuread
import pulumi_random as random
from pulumi_azure_native import (
    apimanagement as apim,
)
from pulumi_azure_native import (
    applicationinsights,
    authorization,
    cosmosdb,
    managedidentity,
    operationalinsights,
    resources,
    storage,
    web,
)

from secure_mcp.azure.sdk_defaults import unsent
from secure_mcp.package import build_package
from secure_mcp.publishing import publish_code

HERE = Path(__file__).parent
POLICIES = HERE / pulumi.Config().require("policies")
CLIENT = authorization.get_client_config_output()
CONTRIBUTOR = "00000000-0000-0000-0000-000000000002"
ROLES = {
    "blob": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    "queue": "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
    "metrics": "3913510d-42f4-4e42-8a64-420c390055eb",
}

group = resources.ResourceGroup("rg", resource_group_name="rg-sample")
location = group.location
in_group = {"resource_group_name": group.name, "location": location}

# core/apim/apim.bicep
fic = managedidentity.UserAssignedIdentity(
    "entra-app-identity", resource_name_="entra-app-user-assigned-identity", **in_group
)
service = apim.ApiManagementService(
    "apim",
    service_name="apim-sample",
    publisher_email="noreply@microsoft.com",
    publisher_name="Microsoft",
    sku=apim.ApiManagementServiceSkuPropertiesArgs(name="BasicV2", capacity=1),
    identity=apim.ApiManagementServiceIdentityArgs(
        type="SystemAssigned, UserAssigned", user_assigned_identities=fic.id.apply(lambda id: {id: {}})
    ),
    **in_group,
)
on_service = {"resource_group_name": group.name, "service_name": service.name}

if pulumi.Config().get_bool("unbuffered"):
    # The sample leaves the service's own policy alone, whose forward-request holds answers back.
    apim.Policy(
        "service-policy", policy_id="policy", format="rawxml", value=(HERE / "unbuffered.xml").read_text(), **on_service
    )

# core/database/cosmosdb.bicep, cosmosdb-rbac.bicep
account = cosmosdb.DatabaseAccount(
    "cosmos",
    account_name="cosmos-sample",
    kind="GlobalDocumentDB",
    consistency_policy=cosmosdb.ConsistencyPolicyArgs(default_consistency_level="Session"),
    locations=[cosmosdb.LocationArgs(location_name=location, failover_priority=0, is_zone_redundant=False)],
    database_account_offer_type="Standard",
    enable_automatic_failover=False,
    enable_multiple_write_locations=False,
    public_network_access="Enabled",
    capabilities=[cosmosdb.CapabilityArgs(name="EnableServerless")],
    **in_group,
)
in_account = {"resource_group_name": group.name, "account_name": account.name}
database = cosmosdb.SqlResourceSqlDatabase(
    "database", database_name="mcpoauth", resource=cosmosdb.SqlDatabaseResourceArgs(id="mcpoauth"), **in_account
)
container = cosmosdb.SqlResourceSqlContainer(
    "clients",
    container_name="clientregistrations",
    database_name=database.name,
    resource=cosmosdb.SqlContainerResourceArgs(
        id="clientregistrations",
        partition_key=cosmosdb.ContainerPartitionKeyArgs(paths=["/clientId"], kind="Hash"),
        indexing_policy=cosmosdb.IndexingPolicyArgs(
            indexing_mode="consistent",
            included_paths=[cosmosdb.IncludedPathArgs(path="/*")],
            excluded_paths=[cosmosdb.ExcludedPathArgs(path='/"_etag"/?')],
        ),
    ),
    **in_account,
)
cosmosdb.SqlResourceSqlRoleAssignment(
    "cosmos-role",
    role_assignment_id=account.id.apply(lambda id: str(uuid.uuid5(uuid.NAMESPACE_URL, id))),
    principal_id=service.identity.apply(lambda one: one.principal_id),
    role_definition_id=pulumi.Output.concat(account.id, "/sqlRoleDefinitions/", CONTRIBUTOR),
    scope=account.id,
    opts=pulumi.ResourceOptions(depends_on=[container]),
    **in_account,
)

# app/apim-oauth/entra-app.bicep
callback = pulumi.Output.concat(service.gateway_url, "/oauth-callback")
application = azuread.Application(
    "entra-app",
    display_name="MCP-OAuth-app-sample",
    web=azuread.ApplicationWebArgs(redirect_uris=[callback]),
    required_resource_accesses=[
        azuread.ApplicationRequiredResourceAccessArgs(
            resource_app_id="00000003-0000-0000-c000-000000000000",
            resource_accesses=[
                azuread.ApplicationRequiredResourceAccessResourceAccessArgs(
                    id="e1fe6dd8-ba31-4d61-89e7-88639da4683d", type="Scope"
                )
            ],
        )
    ],
)
# Not in the Bicep: Entra ID makes it when the first user agrees, and here it has to be declared.
azuread.ServicePrincipal("entra-app-principal", client_id=application.client_id)
azuread.ApplicationFederatedIdentityCredential(
    "msi-as-fic",
    application_id=application.id,
    display_name="msiAsFic",
    description="Trust the user-assigned identity as a credential of the application",
    audiences=["api://AzureADTokenExchange"],
    issuer=pulumi.Output.concat("https://login.microsoftonline.com/", CLIENT.tenant_id, "/v2.0"),
    subject=fic.principal_id,
)

# The rest of the function app's resources: core/monitor, core/storage, core/host, app/api.bicep
workspace = operationalinsights.Workspace(
    "logs",
    workspace_name="log-sample",
    sku=operationalinsights.WorkspaceSkuArgs(name="PerGB2018"),
    retention_in_days=30,
    **in_group,
)
insights = applicationinsights.Component(
    "insights",
    resource_name_="appi-sample",
    kind="web",
    application_type="web",
    workspace_resource_id=workspace.id,
    ingestion_mode="LogAnalytics",
    disable_local_auth=True,
    **in_group,
)
identity = managedidentity.UserAssignedIdentity("api-identity", resource_name_="id-api-sample", **in_group)
store = storage.StorageAccount(
    "storage",
    account_name="stsample0001",
    kind="StorageV2",
    sku=storage.SkuArgs(name="Standard_LRS"),
    minimum_tls_version="TLS1_2",
    allow_blob_public_access=False,
    allow_shared_key_access=False,
    public_network_access="Enabled",
    **in_group,
)
packages, _ = (
    storage.BlobContainer(
        name, container_name=name, public_access="None", account_name=store.name, resource_group_name=group.name
    )
    for name in ("app-package", "snippets")
)
roles = [
    authorization.RoleAssignment(
        f"{name}-role",
        role_assignment_name=str(uuid.uuid5(uuid.NAMESPACE_URL, f"sample/{name}")),
        scope=scope,
        role_definition_id=pulumi.Output.concat(
            "/subscriptions/",
            CLIENT.subscription_id,
            "/providers/Microsoft.Authorization/roleDefinitions/",
            ROLES[name],
        ),
        principal_id=identity.principal_id,
        principal_type="ServicePrincipal",
    )
    for name, scope in (("blob", store.id), ("queue", store.id), ("metrics", insights.id))
]
blobs = store.primary_endpoints.apply(lambda one: str(one.blob))
plan = web.AppServicePlan(
    "plan",
    name="plan-sample",
    kind="functionapp",
    reserved=True,
    sku=web.SkuDescriptionArgs(name="FC1", tier="FlexConsumption"),
    **in_group,
)
site = web.WebApp(
    "api",
    name="func-api-sample",
    kind="functionapp,linux",
    server_farm_id=plan.id,
    identity=web.ManagedServiceIdentityArgs(type="UserAssigned", user_assigned_identities=[identity.id]),
    function_app_config=web.FunctionAppConfigArgs(
        deployment=web.FunctionsDeploymentArgs(
            storage=web.FunctionsDeploymentStorageArgs(
                type="blobContainer",
                value=pulumi.Output.concat(blobs, packages.name),
                authentication=web.FunctionsDeploymentStorageAuthenticationArgs(
                    type="UserAssignedIdentity", user_assigned_identity_resource_id=identity.id
                ),
            )
        ),
        scale_and_concurrency=web.FunctionsScaleAndConcurrencyArgs(instance_memory_mb=2048, maximum_instance_count=100),
        runtime=web.FunctionsRuntimeArgs(name="python", version="3.11"),
    ),
    site_config={
        "app_settings": [
            {"name": name, "value": value}
            for name, value in {
                "AzureWebJobsStorage__accountName": store.name,
                "AzureWebJobsStorage__credential": "managedidentity",
                "AzureWebJobsStorage__clientId": identity.client_id,
                "APPLICATIONINSIGHTS_CONNECTION_STRING": insights.connection_string,
                "APPLICATIONINSIGHTS_AUTHENTICATION_STRING": pulumi.Output.concat(
                    "ClientId=", identity.client_id, ";Authorization=AAD"
                ),
            }.items()
        ]
    },
    opts=pulumi.ResourceOptions(
        depends_on=roles, transformations=[unsent("hyper_v", "is_xenon", "scm_site_also_stopped")]
    ),
    **in_group,
)
# What `azd deploy` does.
publish_code("code", build_package(HERE / "src"), site, pulumi.Output.concat(blobs, packages.name), site, roles)
keys = web.list_web_app_host_keys_output(name=site.name, resource_group_name=group.name)

# app/apim-oauth/oauth.bicep
endpoint = account.document_endpoint.apply(lambda url: url.removesuffix("/"))
values = [
    apim.NamedValue(name, named_value_id=name, display_name=display, value=value, secret=secret, **on_service)
    for name, display, value, secret in (
        ("EntraIDTenantId", "EntraIDTenantId", CLIENT.tenant_id, False),
        ("EntraIDClientId", "EntraIDClientId", application.client_id, False),
        ("EntraIDFicClientId", "EntraIdFicClientId", fic.client_id, False),
        ("OAuthCallbackUri", "OAuthCallbackUri", callback, False),
        ("OAuthScopes", "OAuthScopes", "openid https://graph.microsoft.com/.default", False),
        ("McpClientId", "McpClientId", application.client_id, False),
        ("APIMGatewayURL", "APIMGatewayURL", service.gateway_url, False),
        ("MCPServerName", "MCPServerName", "MCP Server", False),
        ("CosmosDbEndpoint", "CosmosDbEndpoint", endpoint, False),
        ("CosmosDbDatabase", "CosmosDbDatabase", database.name, False),
        ("CosmosDbContainer", "CosmosDbContainer", container.name, False),
        ("EncryptionKey", "EncryptionKey", random.RandomBytes("key", length=32).base64, True),
        ("EncryptionIV", "EncryptionIV", random.RandomBytes("iv", length=16).base64, True),
        ("function-host-key", "function-host-key", keys.apply(lambda one: one.master_key or ""), True),
    )
]


def document(name: str) -> str:
    return (POLICIES / f"{name}.policy.xml").read_text("utf-8-sig")


def operation(api: apim.Api, id: str, method: str, template: str) -> apim.ApiOperation:
    return apim.ApiOperation(
        id,
        api_id=api.name,
        operation_id=id,
        display_name=id,
        method=method,
        url_template=template,
        **on_service,
    )


oauth = apim.Api(
    "oauth",
    api_id="oauth",
    display_name="OAuth",
    description="OAuth 2.0 Authentication API",
    subscription_required=False,
    path="",
    protocols=["https"],
    service_url=pulumi.Output.concat("https://login.microsoftonline.com/", CLIENT.tenant_id, "/oauth2/v2.0"),
    **on_service,
)
METADATA = "/.well-known/oauth-authorization-server"
for id, method, template, text in (
    ("authorize", "GET", "/authorize", "authorize"),
    ("token", "POST", "/token", "token"),
    ("oauth-callback", "GET", "/oauth-callback", "oauth-callback"),
    ("register", "POST", "/register", "register"),
    ("register-options", "OPTIONS", "/register", "register-options"),
    ("oauthmetadata-options", "OPTIONS", METADATA, "oauthmetadata-options"),
    ("oauthmetadata-get", "GET", METADATA, "oauthmetadata-get"),
    ("consent-get", "GET", "/consent", "consent"),
    ("consent-post", "POST", "/consent", "consent"),
):
    made = operation(oauth, id, method, template)
    apim.ApiOperationPolicy(
        f"{id}-policy",
        api_id=oauth.name,
        operation_id=made.name,
        policy_id="policy",
        format="rawxml",
        value=document(text),
        opts=pulumi.ResourceOptions(depends_on=values),
        **on_service,
    )

# app/apim-mcp/mcp-api.bicep
mcp = apim.Api(
    "mcp",
    api_id="mcp",
    display_name="MCP API",
    description="Model Context Protocol API endpoints",
    subscription_required=False,
    path="mcp",
    protocols=["https"],
    service_url=pulumi.Output.concat("https://", site.default_host_name, "/runtime/webhooks/mcp"),
    opts=pulumi.ResourceOptions(depends_on=values),
    **on_service,
)
apim.ApiPolicy(
    "mcp-policy",
    api_id=mcp.name,
    policy_id="policy",
    format="rawxml",
    value=document("mcp-api"),
    opts=pulumi.ResourceOptions(depends_on=values),
    **on_service,
)
for id, method, template in (
    ("mcp-sse", "GET", "/sse"),
    ("mcp-message", "POST", "/message"),
    ("mcp-test-message", "POST", "/test-message"),
):
    operation(mcp, id, method, template)
pulumi.export("sse", pulumi.Output.concat(service.gateway_url, "/mcp/sse"))
