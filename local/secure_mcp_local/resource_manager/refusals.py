"""What Azure refuses although types and schemas allow it: one table, each rule with its source.

The stand-ins refuse it while a stack is deployed, `secure-mcp check` says it before. A rule looks at one resource, as it is
declared, and at what is under other ids.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Inputs = Mapping[str, Any]
Lookup = Callable[[str], Inputs | None]
"""Gives the inputs of the resource with an ARM id, or None: it is not known."""


@dataclass(frozen=True)
class Refusal:
    """A rule of Azure's."""

    name: str
    operations: frozenset[str]
    """Of `create`, `update`, `delete`."""
    types: frozenset[str]
    """Type tokens, without `azure-native:`."""
    broken: Callable[[str, Inputs, Lookup], str | None]
    """Takes id, inputs and lookup; says what is wrong, or nothing."""
    fix: str
    source: str


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


def _flex_site(id: str, site: Inputs, at: Lookup) -> str | None:
    plan = at(str(site.get("serverFarmId", ""))) or {}
    if (plan.get("sku") or {}).get("name") != "FC1":
        return None
    config = site.get("siteConfig") or {}
    wrong = sorted(_NOT_ON_FLEX & ({*site} | {*config}))
    if wrong:
        shown = ", ".join(f"Site.SiteConfig.{name[0].upper()}{name[1:]}" for name in wrong)
        return f"The following site configuration properties ({shown}) for Flex Consumption sites are invalid"
    named = {str(setting.get("name")) for setting in config.get("appSettings") or ()}
    settings = sorted(_SETTINGS_NOT_ON_FLEX & named)
    return f"The app settings {', '.join(settings)} for Flex Consumption sites are invalid" if settings else None


def _signed_with_keys(id: str, blob: Inputs, at: Lookup) -> str | None:
    account = at("/".join(id.split("/")[:9])) or {}
    if account.get("allowSharedKeyAccess") is not False:
        return None
    return "KeyBasedAuthenticationNotPermitted: Pulumi signs with the account's key, which the account does not take"


def _no_such_version(id: str, resource: Inputs, at: Lookup) -> str | None:
    if str(resource.get("resourceProviderNamespace", "")).lower() != "microsoft.web":
        return None
    return (
        "NoRegisteredProviderFound: Pulumi asks for the resource with API version 2024-03-01, whatever apiVersion says, and "
        "Microsoft.Web has no such version"
    )


def _deleted_through_the_vault(id: str, secret: Inputs, at: Lookup) -> str | None:
    vault = (at(id.rsplit("/secrets/", 1)[0]) or {}).get("properties") or {}
    if str(vault.get("publicNetworkAccess", "")).lower() == "disabled":
        return "Forbidden: Pulumi deletes secrets through the vault itself, which is closed to where it runs"
    if vault.get("enableRbacAuthorization"):
        return "ForbiddenByRbac: Pulumi deletes secrets through the vault itself, in which whoever deploys has no role"
    return None


REFUSALS: Sequence[Refusal] = (
    Refusal(
        "flex-site-config",
        frozenset({"create", "update"}),
        frozenset({"web:WebApp"}),
        _flex_site,
        "Leave it out. The SDK's SiteConfigArgs adds some by itself: give siteConfig as a plain dictionary.",
        "https://learn.microsoft.com/azure/azure-functions/functions-app-settings#flex-consumption-plan-deprecations; "
        "https://github.com/pulumi/pulumi-azure-native/issues/4168",
    ),
    Refusal(
        "key-signed-upload",
        frozenset({"create", "update", "delete"}),
        frozenset({"storage:Blob"}),
        _signed_with_keys,
        "Upload with a client that takes tokens of Entra ID, or let the account take keys.",
        "https://github.com/pulumi/pulumi-azure-native/pull/3719; https://github.com/pulumi/pulumi-azure-native/issues/2015",
    ),
    Refusal(
        "generic-resource-version",
        frozenset({"create", "delete"}),
        frozenset({"resources:Resource"}),
        _no_such_version,
        "Declare it by a type of its own, or as a resources.Deployment with a template.",
        "https://github.com/pulumi/pulumi-azure-native/issues/4109; https://github.com/pulumi/pulumi-azure-native/issues/4337",
    ),
    Refusal(
        "data-plane-delete",
        frozenset({"delete"}),
        frozenset({"keyvault:Secret"}),
        _deleted_through_the_vault,
        "Declare it with retain_on_delete: it goes with its vault.",
        "https://github.com/pulumi/pulumi-azure-native/blob/master/provider/pkg/resources/customresources/custom_keyvault.go",
    ),
)

_EXCLUSIVE = frozenset(
    f"cosmosdb:{kind}"
    for kind in (
        "SqlResourceSqlContainer",
        "SqlResourceSqlDatabase",
        "SqlResourceSqlRoleAssignment",
        "SqlResourceSqlRoleDefinition",
    )
)
PARALLEL = (
    "PreconditionFailed: there is already an operation in progress which requires an exclusive lock on this account. Let one "
    "depend on the other. https://github.com/hashicorp/terraform-provider-azurerm/issues/15842"
)
"""What Cosmos DB says to one of two changes of an account at the same time."""


def refused(operation: str, type: str, id: str, inputs: Inputs, at: Lookup) -> Iterator[tuple[Refusal, str]]:
    """The rules that an operation on a resource breaks, each with what Azure says.

    Args:
        operation: `create`, `update` or `delete`.
        type: Type token.
        id: ARM id of the resource.
        inputs: As declared, with secrets in plain.
        at: What is under other ids.
    """
    short = type.removeprefix("azure-native:")
    for rule in REFUSALS:
        if operation in rule.operations and short in rule.types and (said := rule.broken(id, inputs, at)) is not None:
            yield rule, said


def account_of(type: str, id: str) -> str | None:
    """The account that is locked while a resource is made, changed or deleted, in lower case; None: nothing is."""
    return "/".join(id.lower().split("/")[:9]) if type.removeprefix("azure-native:") in _EXCLUSIVE else None


def parallel(
    resources: Collection[tuple[str, str, str]], before: Callable[[str], Collection[str]]
) -> Iterator[tuple[str, str]]:
    """Pairs of resources that change one account and do not wait for one another.

    Args:
        resources: URN, type token and ARM id of each.
        before: Gives the URNs of everything that exists before a resource is made.
    """
    accounts: dict[str, list[str]] = {}
    for urn, type, id in resources:
        if (account := account_of(type, id)) is not None:
            accounts.setdefault(account, []).append(urn)
    for urns in accounts.values():
        earlier = {urn: set(before(urn)) for urn in urns}
        for index, one in enumerate(urns):
            for other in urns[index + 1 :]:
                if one not in earlier[other] and other not in earlier[one]:
                    yield one, other
