"""A subscription and a directory that take everything, until a test changes one answer.

Answers have the shape of the examples in https://github.com/Azure/azure-rest-api-specs and of the Microsoft Graph reference: Providers_List,
usages (.../Microsoft.Storage/stable/2023-01-01/examples/StorageAccountListLocationUsage.json,
.../Microsoft.Web/stable/2024-11-01/examples/GetUsagesInLocation.json; of Network as recorded by the tests of https://github.com/Azure/azure-cli, network usage list;
of Container Apps as https://learn.microsoft.com/rest/api/resource-manager/containerapps/managed-environment-usages/list has them, in fractions), ApiManagementListSkus, ListGeoRegions, GetFunctionAppStacksForLocation, CosmosDBLocationGet, CheckNameAvailability of each provider,
DeletedServicesListBySubscription, listDeletedVaults, GetPermissions, PolicyRestrictions_CheckAtSubscriptionScope, Deployments_Validate.
"""

import base64
import json
import re
from collections.abc import Callable
from typing import Any

import httpx

SUBSCRIPTION = "35ee058e-5fa0-414c-8145-3ebb8d09b6e2"
_NAMESPACES = {
    "ApiManagement": ["service"],
    "App": ["managedEnvironments", "containerApps"],
    "Web": ["serverFarms", "sites"],
    "DocumentDB": ["databaseAccounts"],
    "Storage": ["storageAccounts"],
    "KeyVault": ["vaults"],
    "Insights": ["components"],
    "OperationalInsights": ["workspaces"],
    "AlertsManagement": [],
    "ManagedIdentity": ["userAssignedIdentities"],
    "Network": ["virtualNetworks", "privateEndpoints"],
    "Consumption": [],
}
"""Namespaces, each with some of its types."""
_REGIONS = ("West Europe", "Sweden Central", "North Europe")
_POLICY = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/policyAssignments/57DAC8A0"


def usage(name: str, used: float, limit: float, unit: str = "Count") -> dict[str, Any]:
    """One quota, as the usages of every provider say it."""
    return {"unit": unit, "currentValue": used, "limit": limit, "name": {"value": name, "localizedValue": name}}


def policy_answer(*, deny: bool) -> dict[str, Any]:
    """PolicyRestrictions_CheckAtSubscriptionScope."""
    restriction = {
        "result": "Deny",
        "values": [region.lower() for region in _REGIONS],
        "policy": {"policyAssignmentId": _POLICY},
    }
    return {
        "fieldRestrictions": [{"field": "location", "restrictions": [restriction]}] if deny else [],
        "contentEvaluationResult": {"policyEvaluations": []},
    }


_SIGNED = ".c2lnbmVk"


def application_token(**claims: Any) -> str:
    """A token of an application for Microsoft Graph, as far as a client reads it."""
    parts = [{"typ": "JWT", "alg": "RS256"}, {"aud": "https://graph.microsoft.com", "idtyp": "app", **claims}]
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join(encoded) + _SIGNED


class AzureSubscription:
    """`answers` by method and path: what differs from an obliging subscription, as a body or as (status, error code, message)."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], Any] = {}
        self.asked: list[tuple[str, str]] = []
        self.bodies: dict[str, Any] = {}

    @property
    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.replace(f"/subscriptions/{SUBSCRIPTION}", "")
        self.asked.append((request.method, path))
        if request.content:
            self.bodies[path] = json.loads(request.content)
        sent = request.headers.get("authorization", "").removeprefix("Bearer ")
        if sent not in {"https://management.azure.com", "https://graph.microsoft.com"} and not sent.endswith(_SIGNED):
            return httpx.Response(401, json={"error": {"code": "InvalidAuthenticationToken", "message": "no"}})
        for (method, pattern), answer in [*self.answers.items(), *_OBLIGING.items()]:
            if method == request.method and re.fullmatch(pattern, path, re.IGNORECASE):
                if isinstance(answer, tuple):
                    status, code, message = answer
                    return httpx.Response(status, json={"error": {"code": code, "message": message}})
                return httpx.Response(200, json=answer() if isinstance(answer, Callable) else answer)
        return httpx.Response(404, json={"error": {"code": "NotFound", "message": path}})


PROVIDERS: dict[str, Any] = {
    "value": [
        {
            "id": f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.{name}",
            "namespace": f"Microsoft.{name}" if name != "Insights" else "microsoft.insights",
            "registrationState": "Registered",
            "registrationPolicy": "RegistrationRequired",
            "resourceTypes": [
                {"resourceType": kind, "locations": [*_REGIONS], "apiVersions": ["2025-01-01-preview", "2024-01-01"]}
                for kind in kinds
            ],
        }
        for name, kinds in _NAMESPACES.items()
    ]
}
_FREE = {"nameAvailable": True, "reason": "Valid", "message": ""}
_OBLIGING: dict[tuple[str, str], Any] = {
    ("GET", "/providers"): PROVIDERS,
    ("GET", "/providers/Microsoft.(Storage|Network)/locations/[a-z]+/usages"): lambda: {
        "value": [
            usage(name, 55, 250)
            for name in ("StorageAccounts", "VirtualNetworks", "NetworkSecurityGroups", "PrivateEndpoints")
        ]
    },
    ("GET", "/providers/Microsoft.App/locations/[a-z]+/usages"): lambda: {
        "value": [usage("ManagedEnvironmentCount", 1.0, 20.0), usage("ManagedEnvironmentConsumptionCores", 0.5, 10.0)]
    },
    ("GET", "/providers/Microsoft.Web/locations/[a-z]+/usages"): lambda: {
        "value": [usage("Cores usage in West US", 55, 250, "Core Count")],
        "nextLink": None,
    },
    ("GET", "/resourceGroups/.+"): {"properties": {"provisioningState": "Succeeded"}},
    ("GET", "/providers/Microsoft.ApiManagement/skus"): {
        "value": [
            {"resourceType": "service", "name": name, "locations": [region], "restrictions": []}
            for name in ("BasicV2", "StandardV2")
            for region in _REGIONS
        ]
    },
    ("GET", "/providers/Microsoft.Web/geoRegions"): {
        "value": [
            {"name": region, "properties": {"name": region, "orgDomain": "PUBLIC;FLEXCONSUMPTION"}}
            for region in _REGIONS
        ]
    },
    ("GET", "/providers/Microsoft.Web/locations/[a-z]+/functionAppStacks"): {
        "value": [
            {
                "name": "python",
                "properties": {
                    "majorVersions": [
                        {
                            "minorVersions": [
                                {"stackSettings": {"linuxRuntimeSettings": {"runtimeVersion": f"Python|3.{minor}"}}}
                                for minor in (11, 12, 13)
                            ]
                        }
                    ]
                },
            }
        ]
    },
    ("GET", "/providers/Microsoft.DocumentDB/locations/[a-z]+"): {
        "properties": {
            "status": "Online",
            "supportsAvailabilityZone": True,
            "isSubscriptionRegionAccessAllowedForRegular": True,
            "isSubscriptionRegionAccessAllowedForAz": True,
        }
    },
    ("POST", "/providers/Microsoft.(ApiManagement|Web|Storage|KeyVault)/checkNameAvailability"): _FREE,
    ("HEAD", "/providers/Microsoft.DocumentDB/databaseAccountNames/.+"): (404, "NotFound", ""),
    ("GET", "/providers/Microsoft.ApiManagement/deletedservices"): {"value": []},
    ("GET", "/providers/Microsoft.KeyVault/deletedVaults"): {"value": []},
    ("GET", "/providers/Microsoft.Authorization/permissions"): {"value": [{"actions": ["*"], "notActions": []}]},
    ("POST", "/providers/Microsoft.PolicyInsights/checkPolicyRestrictions"): policy_answer(deny=False),
    ("POST", "/providers/Microsoft.Resources/deployments/secure-mcp-preflight/validate"): {
        "properties": {"provisioningState": "Succeeded"}
    },
    ("GET", "/v1.0/me/transitiveMemberOf/microsoft.graph.directoryRole"): {
        "value": [
            {"displayName": "Cloud Application Administrator", "roleTemplateId": "158c047a-c907-4556-b7ef-446551a6b5f7"}
        ]
    },
    ("GET", "/v1.0/subscribedSkus"): {
        "value": [
            {
                "capabilityStatus": "Enabled",
                "servicePlans": [{"servicePlanName": "AAD_PREMIUM", "provisioningStatus": "Success"}],
            }
        ]
    },
    ("GET", "/v1.0/directoryObjects/.+"): {"@odata.type": "#microsoft.graph.group", "displayName": "Users"},
}
