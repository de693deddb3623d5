"""What a stack declares about its gateway: service, APIs, operations, policies, fragments, named values."""

from apim_policies.errors import ExplainedError
from apim_policies.gateway import (
    ApiDeclaration,
    Declaration,
    NamedValue,
    OperationDeclaration,
    ProductDeclaration,
    SubscriptionDeclaration,
)
from apim_policies.gateway.openapi import FORMATS, operations_in
from apim_policies.gateway.resources import backend
from secure_mcp_local.azure.api_management.vocabulary import VOCABULARY
from secure_mcp_local.azure.key_vault import KeyVaults
from secure_mcp_local.errors import LocalCloudError, NotModelled
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
        vocabulary=VOCABULARY,
        policy=_text(policy, "service.xml") if policy is not None else None,
        products=[_product(recording, one) for one in recording.all(MODULE + "Product")],
        subscriptions=[_subscription(one) for one in recording.all(MODULE + "Subscription")],
        backends=[backend(str(one.get("backendId")), one.outputs) for one in recording.all(MODULE + "Backend")],
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
    described = {one.id for one in operations}
    operations += [one for one in _imported(resource, id) if one.id not in described]
    service_url = resource.get("serviceUrl")
    names = resource.get("subscriptionKeyParameterNames") or {}
    return ApiDeclaration(
        id,
        str(resource.get("displayName")),
        str(resource.get("path") or ""),
        str(service_url) if service_url else None,
        operations,
        _policy(recording, "ApiPolicy", id),
        # Azure's default: an API needs a key.
        subscription_required=resource.get("subscriptionRequired") is not False,
        key_header=str(names.get("header") or "Ocp-Apim-Subscription-Key"),
        key_query=str(names.get("query") or "subscription-key"),
        version=str(resource.get("apiVersion") or "") or None,
    )


def _imported(resource: Resource, id: str) -> list[OperationDeclaration]:
    """The operations of the document that an API was made of."""
    text = resource.get("value")
    if text is None:
        return []
    if resource.get("format") not in FORMATS:
        raise NotModelled(
            f"API {id}: operations of an imported document (format {resource.get('format')!r}) are not modelled; give its text in one of the "
            f"formats {', '.join(FORMATS)}, or declare each as an ApiOperation"
        )
    try:
        return operations_in(str(text))
    except ExplainedError as error:
        raise LocalCloudError(f"API {id}: {error}") from None


def _product(recording: Recording, resource: Resource) -> ProductDeclaration:
    id = str(resource.get("productId"))
    policy = next((one for one in recording.all(MODULE + "ProductPolicy") if one.get("productId") == id), None)
    return ProductDeclaration(
        id,
        str(resource.get("displayName")),
        [str(one.get("apiId")) for one in recording.all(MODULE + "ProductApi") if one.get("productId") == id],
        _text(policy, f"products/{id}.xml") if policy is not None else None,
        subscription_required=resource.get("subscriptionRequired") is not False,
    )


def _subscription(resource: Resource) -> SubscriptionDeclaration:
    """A subscription; keys that Azure would make are `<sid>-primary` and `<sid>-secondary` here."""
    id = str(resource.get("sid"))
    kind, _, of = str(resource.get("scope") or "").rpartition("/")
    return SubscriptionDeclaration(
        id,
        str(resource.get("primaryKey") or f"{id}-primary"),
        str(resource.get("secondaryKey") or f"{id}-secondary"),
        str(resource.get("displayName") or ""),
        product=of if kind.endswith("products") else None,
        api=of if kind.endswith("apis") and of else None,
        active=str(resource.get("state") or "active") == "active",
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
