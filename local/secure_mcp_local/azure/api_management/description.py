"""What a stack declares about its gateway: service, APIs, operations, policies, fragments, named values."""

from apim_policies.gateway import ApiDeclaration, Declaration, NamedValue, OperationDeclaration
from secure_mcp_local.azure.api_management.backends import backend
from secure_mcp_local.errors import LocalCloudError, NotModelled
from secure_mcp_local.keyvault import KeyVaults
from secure_mcp_local.recording import Recording, Resource

MODULE = "azure-native:apimanagement:"
SERVICE = MODULE + "ApiManagementService"


def describe(recording: Recording) -> Declaration:
    """The gateway of a stack in plain values.

    Raises:
        LocalCloudError: it declares none, or a value that cannot be read.
        NotModelled: something about it that is not modelled.
    """
    service = recording.one(SERVICE)
    vaults = KeyVaults(recording, service)
    named_values = {
        str(one.get("displayName")): _named_value(one, vaults) for one in recording.all(MODULE + "NamedValue")
    }
    policy = next(iter(recording.all(MODULE + "Policy")), None)
    fragments = {
        str(one.get("id")): _text(one, f"fragments/{one.get('id')}.xml")
        for one in recording.all(MODULE + "PolicyFragment")
    }
    return Declaration(
        url=str(service.get("gatewayUrl")),
        apis=[_api(recording, one) for one in recording.all(MODULE + "Api")],
        name=str(service.get("name")),
        id=service.id,
        hosts=[str(custom["hostName"]) for custom in service.get("hostnameConfigurations") or []],
        named_values=named_values,
        fragments=fragments,
        policy=_text(policy, "service.xml") if policy is not None else None,
        backends=[backend(one) for one in recording.all(MODULE + "Backend")],
    )


def _named_value(resource: Resource, vaults: KeyVaults) -> NamedValue:
    name, value = str(resource.get("displayName")), resource.get("value")
    if reference := resource.get("keyVault"):
        value = vaults.read(name, reference)
    if not isinstance(value, str):
        raise LocalCloudError(f"named value {name}: give it a value or a keyVault, not {value!r}")
    return NamedValue(value, bool(resource.get("secret")) and value != "none")


def _api(recording: Recording, resource: Resource) -> ApiDeclaration:
    id = str(resource.get("apiId"))
    if resource.get("subscriptionRequired") is not False:
        raise NotModelled(f"API {id}: subscription keys are not modelled; set subscriptionRequired to false")
    operations = [
        OperationDeclaration(
            str(one.get("operationId")),
            str(one.get("displayName")),
            str(one.get("method")),
            str(one.get("urlTemplate")),
            _policy(recording, "ApiOperationPolicy", id, str(one.get("operationId"))),
        )
        for one in recording.all(MODULE + "ApiOperation")
        if one.get("apiId") == id
    ]
    service_url = resource.get("serviceUrl")
    return ApiDeclaration(
        id,
        str(resource.get("displayName")),
        str(resource.get("path") or ""),
        str(service_url) if service_url else None,
        operations,
        _policy(recording, "ApiPolicy", id),
    )


def _policy(recording: Recording, type: str, api: str, operation: str | None = None) -> str | None:
    for one in recording.all(MODULE + type):
        if one.get("apiId") == api and one.get("operationId") == operation:
            return _text(one, f"apis/{api}/{operation or 'api'}.xml")
    return None


def _text(resource: Resource, document: str) -> str:
    # In the xml format, the default, expressions are written with entities: that is read as well.
    if resource.get("format") not in {"rawxml", "xml", None}:
        raise NotModelled(f"{document}: the policy format {resource.get('format')!r} is not modelled; use rawxml")
    return str(resource.get("value"))
