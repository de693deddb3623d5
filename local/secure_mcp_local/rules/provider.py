"""Calls of the Pulumi provider that cannot work, although types and schemas allow them."""

from collections.abc import Iterator

from secure_mcp_local.recording.resources import Resource
from secure_mcp_local.rules.rule import ON_DELETE, ON_SAVE, Rule, Stack, at, lists

# Left side: names as the SDK has them, in the site itself and in its siteConfig.
_NOT_ON_FLEX = frozenset(
    [
        "alwaysOn",
        "containerSize",
        "ftpsState",
        "functionAppScaleLimit",
        "isReserved",
        "isXenon",
        "javaVersion",
        "linuxFxVersion",
        "netFrameworkVersion",
        "powerShellVersion",
        "preWarmedInstanceCount",
        "use32BitWorkerProcess",
        "windowsFxVersion",
    ]
)
_SETTINGS_NOT_ON_FLEX = frozenset(
    [
        "ENABLE_ORYX_BUILD",
        "FUNCTIONS_EXTENSION_VERSION",
        "FUNCTIONS_WORKER_RUNTIME",
        "FUNCTIONS_WORKER_RUNTIME_VERSION",
        "SCM_DO_BUILD_DURING_DEPLOYMENT",
        "WEBSITE_CONTENTAZUREFILECONNECTIONSTRING",
        "WEBSITE_CONTENTSHARE",
        "WEBSITE_RUN_FROM_PACKAGE",
    ]
)


def _flex_site(site: Resource, stack: Stack) -> Iterator[str]:
    plan = stack.at(site.inputs.get("serverFarmId"))
    if plan is None or at(plan.inputs, "sku.name") != "FC1":
        return
    config = site.inputs.get("siteConfig") or {}
    if wrong := sorted(_NOT_ON_FLEX & ({*site.inputs} | {*config})):
        shown = ", ".join(f"Site.SiteConfig.{name[0].upper()}{name[1:]}" for name in wrong)
        yield f"The following site configuration properties ({shown}) for Flex Consumption sites are invalid"
    if settings := sorted(_SETTINGS_NOT_ON_FLEX & {str(one.get("name")) for one in lists(config, "appSettings")}):
        yield f"The app settings {', '.join(settings)} for Flex Consumption sites are invalid"


def _signed_with_keys(blob: Resource, stack: Stack) -> Iterator[str]:
    account = stack.at("/".join(blob.id.split("/")[:9]))
    if account is not None and account.inputs.get("allowSharedKeyAccess") is False:
        yield "KeyBasedAuthenticationNotPermitted: Pulumi signs with the account's key, which the account does not take"


def _no_such_version(resource: Resource, stack: Stack) -> Iterator[str]:
    del stack
    if str(resource.inputs.get("resourceProviderNamespace", "")).lower() == "microsoft.web":
        yield (
            "NoRegisteredProviderFound: Pulumi asks for the resource with API version 2024-03-01, whatever apiVersion says, and "
            "Microsoft.Web has no such version"
        )


def _deleted_through_the_vault(secret: Resource, stack: Stack) -> Iterator[str]:
    vault = stack.at(secret.id.rsplit("/secrets/", 1)[0])
    if vault is None or secret.retained or secret.deleted_with:
        return
    if str(at(vault.inputs, "properties.publicNetworkAccess") or "").lower() == "disabled":
        yield "Forbidden: Pulumi deletes secrets through the vault itself, which is closed to where it runs"
    elif at(vault.inputs, "properties.enableRbacAuthorization"):
        yield "ForbiddenByRbac: Pulumi deletes secrets through the vault itself, in which whoever deploys has no role"


RULES = (
    Rule(
        "flex-site-config",
        "error",
        "Azure refuses a site of the Flex Consumption plan that sets what other plans have.",
        "Leave it out. The SDK's SiteConfigArgs adds some by itself: give siteConfig as a plain dictionary.",
        "https://learn.microsoft.com/azure/azure-functions/functions-app-settings#flex-consumption-plan-deprecations "
        "https://github.com/pulumi/pulumi-azure-native/issues/4168",
        frozenset({"web:WebApp"}),
        _flex_site,
        ON_SAVE,
    ),
    Rule(
        "key-signed-upload",
        "error",
        "Pulumi uploads blobs with the account's key, whatever it is signed in with.",
        "Upload with a client that takes tokens of Entra ID, or let the account take keys.",
        "https://github.com/pulumi/pulumi-azure-native/pull/3719 https://github.com/pulumi/pulumi-azure-native/issues/2015",
        frozenset({"storage:Blob"}),
        _signed_with_keys,
        ON_SAVE | ON_DELETE,
    ),
    Rule(
        "generic-resource-version",
        "error",
        "The generic resource is looked for with an API version of its own, which not every namespace has.",
        "Declare it by a type of its own, or as a resources.Deployment with a template.",
        "https://github.com/pulumi/pulumi-azure-native/issues/4109 https://github.com/pulumi/pulumi-azure-native/issues/4337",
        frozenset({"resources:Resource"}),
        _no_such_version,
        frozenset({"create", "delete"}),
    ),
    Rule(
        "data-plane-delete",
        "error",
        "Pulumi deletes a secret through the vault: `pulumi destroy` fails where that is closed to it.",
        "Declare it with retain_on_delete: it goes with its vault.",
        "https://github.com/pulumi/pulumi-azure-native/blob/master/provider/pkg/resources/customresources/custom_keyvault.go",
        frozenset({"keyvault:Secret"}),
        _deleted_through_the_vault,
        ON_DELETE,
    ),
)
