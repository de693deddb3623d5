"""API Management: what its tiers take, and what its resources name."""

import re
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from secure_mcp_local.recording.resources import Resource
from secure_mcp_local.rules.directory import APPLICATION, signs_in
from secure_mcp_local.rules.network import closed
from secure_mcp_local.rules.rule import NATIVE, ON_SAVE, Rule, Stack, at, lists, mapping, text

_TIERS = "https://learn.microsoft.com/azure/api-management/api-management-features"
_APIM = f"{NATIVE}apimanagement:"
_INTEGRATED = frozenset({"StandardV2", "PremiumV2"})
_INJECTED = frozenset({"Developer", "Premium", "PremiumV2"})
_CAPACITY = {"Consumption": (0, 0), "Developer": (1, 1), "Basic": (1, 2), "Standard": (1, 4), "Premium": (1, 31),
             "BasicV2": (1, 10), "StandardV2": (1, 10), "PremiumV2": (1, 30)}  # fmt: skip
"""Units. https://learn.microsoft.com/azure/api-management/upgrade-and-scale"""
_PARAMETER = re.compile(r"\{([^}]*)\}")
_SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"
SECRET_READERS = frozenset(
    {_SECRETS_USER, "b86a8fe4-44ce-4948-aee5-eccb2c155cd7", "00482a5a-887f-4fb3-b363-3b70fe92e6da"}
)
METRICS_PUBLISHER = "3913510d-42f4-4e42-8a64-420c390055eb"


def service_of(resource: Resource, stack: Stack) -> Resource | None:
    """The API Management that something is of."""
    return stack.at("/".join(resource.id.split("/")[:9]))


def _sku(service: Resource, stack: Stack) -> Iterator[str]:
    del stack
    name, capacity = str(at(service.inputs, "sku.name") or ""), at(service.inputs, "sku.capacity")
    if name not in _CAPACITY:
        yield f"sku.name is {name!r}, and must be one of {', '.join(_CAPACITY)}"
        return
    low, high = _CAPACITY[name]
    if not isinstance(capacity, int) or not low <= capacity <= high:
        yield f"sku.capacity is {capacity!r}, and in {name} there are {low} to {high} units"
    kind = service.inputs.get("virtualNetworkType") or "None"
    subnet = at(service.inputs, "virtualNetworkConfiguration.subnetResourceId")
    if kind == "External" and name not in _INTEGRATED | _INJECTED:
        yield f"virtualNetworkType is 'External', which {name} does not have; {' and '.join(sorted(_INTEGRATED))} have"
    elif kind == "Internal" and name not in _INJECTED:
        yield f"virtualNetworkType is 'Internal', which {name} does not have"
    elif kind not in {"None", "External", "Internal"}:
        yield f"virtualNetworkType is {kind!r}, and must be None, External or Internal"
    if kind in {"External", "Internal"} and not subnet:
        yield f"virtualNetworkType is {kind!r}, and virtualNetworkConfiguration names no subnet"
    if kind == "None" and subnet:
        yield "virtualNetworkConfiguration names a subnet, and virtualNetworkType is 'None'"
    for key in ("publisherEmail", "publisherName"):
        if not service.inputs.get(key):
            yield f"{key} is not given"
    email = str(service.inputs.get("publisherEmail") or "x@y.z")
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", email):
        yield f"publisherEmail is {email!r}, which is no address"
    zones = service.inputs.get("zones") or []
    if zones and name not in {"Premium", "PremiumV2"}:
        yield f"zones is {zones}, which {name} does not have"
    if name.endswith("V2"):
        for one in lists(service, "hostnameConfigurations"):
            if one.get("certificateSource") == "Managed":
                yield f"hostnameConfigurations: {one.get('hostName')} has a managed certificate, which the v2 tiers do not have"
            if one.get("type") not in {"Proxy", None}:
                yield f"hostnameConfigurations: {one.get('hostName')} is of type {one.get('type')}, and the v2 tiers have Proxy only"


def _closed_at_creation(service: Resource, stack: Stack) -> Iterator[str]:
    del stack
    if str(service.inputs.get("publicNetworkAccess", "")).lower() == "disabled":
        yield "publicNetworkAccess is 'Disabled', which cannot be set when a service is made: it needs an approved private endpoint first"


def _credential(resource: Resource, stack: Stack) -> Iterator[str]:
    """An identity that the gateway signs in with, for a logger or a named value."""
    service = service_of(resource, stack)
    path = "credentials.identityClientId" if resource.type == f"{_APIM}Logger" else "keyVault.identityClientId"
    client = str(at(resource.inputs, path) or "")
    if service is None or not client or client.lower() == "systemassigned":
        return
    who = stack.identities.get(client.lower())
    if who is None and stack.identities:
        yield f"{path} is {client}, which is no identity that the stack declares"
    elif who is not None and who.id.lower() not in stack.attached(service):
        yield f"{path} is that of {who.name}, which {service.name} does not have"


def _signing_in(value: Resource, stack: Stack) -> Iterator[str]:
    """A named value that policies sign in with: as which identity, and for which host."""
    service = service_of(value, stack)
    given, name = text(value, "value"), text(value, "displayName")
    if service is None or not given or not stack.identities:
        return
    policies = stack.policies.get(service.id.lower(), "")
    reference = f'="{{{{{name}}}}}"'
    who = stack.identities.get(given.lower())
    if f"client-id{reference}" in policies and stack.attached(service):
        attached = [stack.identities[id].name for id in stack.attached(service) if id in stack.identities]
        if who is None or who.id.lower() not in stack.attached(service):
            yield f"the policies sign in with {name}, {given}, which is no identity that {service.name} has: {', '.join(attached)}"
    tenants = {str(one.get("tenantId")).lower() for one in stack.identities.values() if one.get("tenantId")}
    if (
        tenants
        and re.search(rf"/\{{\{{{re.escape(name)}\}}\}}/(?:v2\.0|oauth2/)", policies)
        and given.lower() not in tenants
    ):
        yield f"the policies sign people in at the tenant {name}, {given}, and the stack's identities are of {', '.join(sorted(tenants))}"
    signing_in = {str(one.get("clientId")): one.name for one in stack.all(APPLICATION) if signs_in(one, stack)}
    if signing_in and f"client_id={{{{{name}}}}}" in policies and given not in signing_in:
        yield f"the policies sign people in with {name}, {given}, and who comes back is known to {', '.join(signing_in.values())} ({', '.join(signing_in)})"
    applications = {str(one.get("clientId")): one for one in stack.all(APPLICATION)}
    if re.search(rf'"application"\]\s*=\s*"\{{\{{{re.escape(name)}\}}\}}"', policies) and applications:
        offering = [one for one in applications.values() if lists(one, "api.oauth2PermissionScopes")]
        if offering and applications.get(given) not in offering:
            yield f"the policies ask for tokens of the application {name}, {given}, and those that offer a scope are {', '.join(one.name for one in offering)}"
    hosts = [*stack.all("web:WebAppAuthSettingsV2"), *stack.all("app:ContainerAppsAuthConfig")]
    taken = {
        str(audience).lower()
        for one in hosts
        for audience in at(one.inputs, "identityProviders.azureActiveDirectory.validation.allowedAudiences") or ()
    }
    if f"<authentication-managed-identity resource{reference}" in policies and taken and given.lower() not in taken:
        names = ", ".join(one.name for one in hosts)
        yield f"the policies ask for tokens of {name}, {given}, which {names} does not take: allowedAudiences is {', '.join(sorted(taken))}"


def _keyless(api: Resource, stack: Stack) -> Iterator[str]:
    if api.inputs.get("subscriptionRequired") is not True:
        return
    service = service_of(api, stack)
    if service is None or service.read:
        return
    keys = [one for kind in ("Subscription", "Product", "ProductApi") for one in stack.all(f"apimanagement:{kind}")]
    if not keys:
        yield "subscriptionRequired is True, and the stack declares no product or subscription: nobody has a key for it"


def _logger(logger: Resource, stack: Stack) -> Iterator[str]:
    type, credentials = logger.inputs.get("loggerType"), mapping(logger.inputs, "credentials")
    if type == "applicationInsights":
        id = str(logger.inputs.get("resourceId") or "")
        component = stack.at(id)
        if "/microsoft.insights/components/" not in id.lower():
            yield f"resourceId is {id!r}, and must be the id of the component that it writes to"
        connection = str(credentials.get("connectionString") or "")
        if not connection and not credentials.get("instrumentationKey"):
            yield "credentials has no connectionString: it writes nowhere"
        if connection and "InstrumentationKey=" not in connection:
            yield "credentials.connectionString is none: it begins with InstrumentationKey=, as az monitor app-insights component show --query connectionString prints it"
        if component is not None:
            if connection and str(component.get("instrumentationKey")) not in connection:
                yield f"credentials.connectionString is not that of {component.name}"
            if component.inputs.get("disableLocalAuth") is True:
                client = str(credentials.get("identityClientId") or "")
                service = service_of(logger, stack)
                if not client:
                    yield f"credentials.identityClientId is not given, and {component.name} takes only tokens"
                who = stack.identities.get(client.lower())
                principals = [str(who.get("principalId"))] if who is not None else []
                if client.lower() == "systemassigned" and service is not None:
                    principals = [str(at(service.outputs, "identity.principalId"))]
                if principals and METRICS_PUBLISHER not in stack.roles(principals[0], component.id):
                    yield f"{who.name if who else 'the service'} has no role on {component.name}: it needs Monitoring Metrics Publisher"
    elif type == "azureEventHub":
        if not credentials:
            yield "credentials is not given: it writes nowhere"
    elif type != "azureMonitor":
        yield f"loggerType is {type!r}, and must be applicationInsights, azureEventHub or azureMonitor"


def _named_value(value: Resource, stack: Stack) -> Iterator[str]:
    vault = mapping(value.inputs, "keyVault")
    name = text(value, "displayName")
    if not value.inputs.get("value") and not vault and "value" not in value.unknowns:
        yield f"the named value {name} has neither value nor keyVault"
    if value.inputs.get("value") and vault:
        yield f"the named value {name} has both value and keyVault"
    if not vault:
        return
    if value.inputs.get("secret") is not True:
        yield f"the named value {name} comes from a vault and is not secret=True"
    identifier = str(vault.get("secretIdentifier") or "")
    match = re.match(r"https://([^./]+)\.vault\.[^/]+/secrets/([^/]+)(?:/[^/]+)?/?$", identifier)
    if match is None:
        yield f"the named value {name} has the secretIdentifier {identifier!r}, which is no address of a secret"
        return
    store = next((one for one in stack.all("keyvault:Vault") if str(one.get("name")).lower() == match[1].lower()), None)
    if store is None:
        if (declared := stack.all("keyvault:Vault")) and all(stack.inside(one.id) for one in declared):
            yield f"the named value {name} is in the vault {match[1]}, which the stack does not declare"
        return
    if stack.at(f"{store.id}/secrets/{match[2]}") is None:
        yield f"the named value {name} is the secret {match[2]}, which {store.name} does not have"
    client = str(vault.get("identityClientId") or "").lower()
    who, service = stack.identities.get(client), service_of(value, stack)
    principal = (
        who.get("principalId")
        if who is not None
        else at(service.outputs, "identity.principalId")
        if service is not None and not client
        else None
    )
    if principal and not stack.roles(principal, f"{store.id}/secrets/{match[2]}") & SECRET_READERS:
        yield f"{who.name if who is not None else 'the service'} has no role on {store.name}: it needs Key Vault Secrets User"
    if closed(store):
        if client and client != "systemassigned":
            yield f"{store.name} is closed, where only the service's own identity is let in, and the named value {name} is read as another"
        if at(store.inputs, "properties.networkAcls.bypass") != "AzureServices":
            yield f"{store.name} is closed to API Management too: networkAcls.bypass must be 'AzureServices'"


def _operation(operation: Resource, stack: Stack) -> Iterator[str]:
    template = text(operation, "urlTemplate")
    if not template.startswith("/"):
        yield f"urlTemplate is {template!r}, and must start with '/'"
    used = {name.lstrip("*").partition(":")[0] for name in _PARAMETER.findall(template)}
    declared = {str(one.get("name")) for one in lists(operation, "templateParameters")}
    for name in sorted(used - declared - {""}):
        yield f"urlTemplate has {{{name}}}, which templateParameters does not declare"
    for name in sorted(declared - used):
        yield f"templateParameters declares {name}, which urlTemplate {template!r} does not have"
    for one in lists(operation, "templateParameters"):
        if one.get("required") is not True:
            yield f"templateParameters: required of {one.get('name')} is {one.get('required')!r}, and a part of an address is always there"
        if not one.get("type"):
            yield f"templateParameters: {one.get('name')} has no type"
    method = str(operation.inputs.get("method") or "")
    if not re.fullmatch(r"[A-Z]+|\*", method):
        yield f"method is {method!r}, which is no HTTP method"
    if not operation.inputs.get("displayName"):
        yield "displayName is not given"
    for other in stack.all("apimanagement:ApiOperation"):
        if other is operation:
            break
        same = text(other, "method") == method and _PARAMETER.sub("{}", text(other, "urlTemplate")) == _PARAMETER.sub(
            "{}", template
        )
        if same and other.id.rpartition("/")[0].lower() == operation.id.rpartition("/")[0].lower():
            yield f"{method} {template} is that of {other.name}, too"


def _api(api: Resource, stack: Stack) -> Iterator[str]:
    path = str(api.inputs.get("path") or "")
    if path.startswith("/") or path.endswith("/") or not re.fullmatch(r"[\w./~-]*", path):
        yield f"path is {path!r}: no '/' at the ends, and only characters of a path"
    if not api.inputs.get("displayName"):
        yield "displayName is not given"
    if api.inputs.get("subscriptionRequired") is None:
        yield "subscriptionRequired is not given: Azure asks every caller for a subscription key, unless it says False"
    if not api.inputs.get("protocols"):
        yield "protocols is not given"
    service = "/".join(api.id.lower().split("/")[:9])
    for other in stack.all("apimanagement:Api"):
        if other is api:
            break
        same = other.id.lower().startswith(f"{service}/") and text(other, "path") == path
        if same and not api.inputs.get("apiVersionSetId") and ";rev=" not in api.id:
            yield f"path {path!r} is that of {other.name}, too"
    url = str(api.inputs.get("serviceUrl") or "")
    if url and not url.startswith("https://") and "://localhost" not in url and "://127.0.0.1" not in url:
        yield f"serviceUrl is {url!r}, and must be https"
    host, gateway = _HOST.match(url), stack.at(service)
    if host and host["user"]:
        yield f"serviceUrl has a user and a password for {host['name']}, which stand in the state and are sent to nobody"
    if host and host["name"].startswith("169.254."):
        yield f"serviceUrl is {url!r}, where Azure tells its own machines secrets"
    if host and gateway is not None and host["name"].lower() in _hosts(gateway):
        yield f"serviceUrl is {url!r}, the gateway itself: every call comes back until one fails"
    if not any(
        one.id.lower().startswith(f"{api.id.lower()}/operations/") for one in stack.all("apimanagement:ApiOperation")
    ) and not api.inputs.get("value"):
        yield "it has no operation: every call is answered with 404"


def _hosts(gateway: Resource) -> frozenset[str]:
    """Names that lead to a service, in lower case."""
    given = (str(one.get("hostName") or "") for one in lists(gateway, "hostnameConfigurations"))
    own = urlsplit(str(gateway.get("gatewayUrl") or "")).hostname or ""
    return frozenset(one.lower() for one in (own, *given) if one)


_HOST = re.compile(r"\Ahttps?://(?P<user>[^/?#@]*@)?(?P<name>[^/?#:@]+)")


_PRIVATE = tuple(
    ip_network(one)
    for one in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "fc00::/7",
        "fe80::/10",
        "::1/128",
    )
)
"""RFC 1918, RFC 4193, RFC 3927, RFC 4291: addresses that mean something inside a network only."""
_OWN = re.compile(r"(?:.+\.)?localhost\.?", re.IGNORECASE)
_INNER = re.compile(r".+\.internal\.?", re.IGNORECASE)
"""https://www.icann.org/en/board-activities-and-meetings/materials/approved-resolutions-special-meeting-of-the-icann-board-29-07-2024-en"""


def _unreachable(resource: Resource, stack: Stack) -> Iterator[str]:
    """A server behind the gateway at an address that is not of the internet, and to which the gateway has no way."""
    service = service_of(resource, stack)
    key = "url" if resource.type.endswith(":Backend") else "serviceUrl"
    url = text(resource, key)
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return
    try:
        # An IPv4 address that is written as one of IPv6 is that address.
        address = ip_address(host)
        address = getattr(address, "ipv4_mapped", None) or address
    except ValueError:
        address = None
    if _OWN.fullmatch(host) or (address is not None and address.is_loopback):
        yield f"{key} is {url!r}, which is the gateway's own machine to it, where nothing of yours listens"
        return
    private = _INNER.fullmatch(host) or (address is not None and any(address in network for network in _PRIVATE))
    if (
        private
        and service is not None
        and not service.read
        and (service.inputs.get("virtualNetworkType") or "None") == "None"
    ):
        yield f"{key} is {url!r}, which is of a private network, and {service.name} is in none: every call fails"


_METHODS = ("POST", "GET", "DELETE")
_OF_MCP = re.compile(r"mcp-(?:session-id|protocol-version)", re.IGNORECASE)


def _methods(api: Resource, stack: Stack) -> Iterator[str]:
    """An endpoint of MCP answers POST, GET and DELETE, if only to say 405: a 404 says that the session is gone."""
    own = f"{api.id.lower()}/"
    policies = " ".join(
        str(one.inputs.get("value")) for one in stack if one.id.lower().startswith(own) and one.type.endswith("Policy")
    )
    if not api.inputs.get("serviceUrl") and "<set-backend-service" not in policies:
        # It answers itself, as metadata and sign-ins are answered.
        return
    endpoints: dict[str, set[str]] = {}
    for one in stack.all("apimanagement:ApiOperation"):
        if one.id.lower().startswith(f"{own}operations/"):
            endpoints.setdefault(text(one, "urlTemplate"), set()).add(text(one, "method"))
    for template, methods in endpoints.items():
        address = f"/{text(api, 'path').strip('/')}{template.rstrip('/')}"
        missing = [one for one in _METHODS if one not in methods]
        of_mcp = address.endswith("/mcp") or (len(missing) < len(_METHODS) - 1 and _OF_MCP.search(policies))
        if missing and of_mcp and "*" not in methods:
            yield f"{address} has no operation for {' and '.join(missing)}: Azure answers 404, and clients take their session for ended"


_BACKENDS = "https://learn.microsoft.com/azure/api-management/backends"


def _backend(backend: Resource, stack: Stack) -> Iterator[str]:
    pool = lists(backend, "pool.services")
    url = str(backend.inputs.get("url") or "")
    if backend.inputs.get("type") == "Pool" or pool:
        if not pool:
            yield "pool.services is empty"
        if len(pool) > 30:
            yield f"pool.services has {len(pool)} backends, and there are 30 at most"
        for one in pool:
            if stack.inside(str(one.get("id"))) and stack.at(one.get("id")) is None:
                yield f"pool.services names {one.get('id')}, which is no backend"
    elif not url:
        yield "url is not given"
    elif not url.startswith("https://") and "localhost" not in url and "127.0.0.1" not in url and "{{" not in url:
        yield f"url is {url!r}, and must be https"
    for key in ("validateCertificateChain", "validateCertificateName"):
        if at(backend.inputs, f"tls.{key}") is False:
            yield f"tls.{key} is False: anybody on the way can answer in its place"
    if len(lists(backend, "circuitBreaker.rules")) > 1:
        yield "circuitBreaker.rules has more than one rule"


_SERVICE = frozenset({"apimanagement:ApiManagementService"})
RULES = (
    Rule(
        "gateway-tier",
        "error",
        "Azure refuses what the tier of API Management does not have: units, networks, certificates.",
        "Choose another sku, or leave it out.",
        f"{_TIERS} https://learn.microsoft.com/azure/api-management/virtual-network-concepts",
        _SERVICE,
        _sku,
        ON_SAVE,
    ),
    Rule(
        "closed-at-creation",
        "error",
        "Azure refuses to make an API Management service that is closed from the beginning.",
        "Make it open, add the private endpoint, then close it.",
        "https://learn.microsoft.com/azure/api-management/private-endpoint#optionally-disable-public-network-access",
        _SERVICE,
        _closed_at_creation,
        frozenset({"create"}),
    ),
    Rule(
        "gateway-identity",
        "error",
        "The gateway cannot sign in as an identity that it does not have.",
        "Attach the identity to the service, or name one that is.",
        "https://learn.microsoft.com/azure/api-management/api-management-howto-use-managed-service-identity",
        frozenset({"apimanagement:Logger", "apimanagement:NamedValue"}),
        _credential,
    ),
    Rule(
        "gateway-token",
        "error",
        "The gateway gets no token, or one that the host behind it does not take: every call of the backend fails.",
        "Give the client id of an identity of the service, and the audience that the host allows.",
        "https://learn.microsoft.com/azure/api-management/authentication-managed-identity-policy",
        frozenset({"apimanagement:NamedValue"}),
        _signing_in,
    ),
    Rule(
        "no-subscription",
        "warning",
        "Azure asks every caller for a subscription key, and there is none.",
        "Set subscriptionRequired=False and let a policy ask who calls, or declare a subscription.",
        "https://learn.microsoft.com/azure/api-management/api-management-subscriptions",
        frozenset({"apimanagement:Api"}),
        _keyless,
    ),
    Rule(
        "logger",
        "error",
        "A logger that names no place, or that the place does not let in, writes nothing.",
        "Give resourceId, connection string, identity and its role, all of one component.",
        "https://learn.microsoft.com/azure/api-management/api-management-howto-app-insights",
        frozenset({"apimanagement:Logger"}),
        _logger,
    ),
    Rule(
        "named-value-source",
        "error",
        "Azure refuses a named value that has no value, or cannot read it from the vault.",
        "Give a value or the address of a secret, and the identity that reads it its role.",
        "https://learn.microsoft.com/azure/api-management/api-management-howto-properties",
        frozenset({"apimanagement:NamedValue"}),
        _named_value,
    ),
    Rule(
        "operation",
        "error",
        "Azure refuses an operation whose template and parameters do not agree, or that is there already.",
        "Correct urlTemplate, method and templateParameters.",
        "https://learn.microsoft.com/azure/api-management/add-api-manually",
        frozenset({"apimanagement:ApiOperation"}),
        _operation,
        ON_SAVE,
    ),
    Rule(
        "api",
        "error",
        "Azure refuses the API, or nothing that is called of it is found.",
        "Correct path, protocols, serviceUrl and operations.",
        "https://learn.microsoft.com/azure/api-management/add-api-manually",
        frozenset({"apimanagement:Api"}),
        _api,
    ),
    Rule(
        "private-server",
        "error",
        "The gateway does not reach the server: a private address means something only inside of its network.",
        "Give the gateway a network from which the server is reached (vnetEnabled, with StandardV2), or the server's public address.",
        "https://learn.microsoft.com/azure/api-management/integrate-vnet-outbound https://www.rfc-editor.org/rfc/rfc1918",
        frozenset({"apimanagement:Api", "apimanagement:Backend"}),
        _unreachable,
    ),
    Rule(
        "mcp-methods",
        "warning",
        "Clients of MCP open a stream with GET and end a session with DELETE; where a server has neither, they have to be told 405.",
        "Declare the operation; answer it with 405 if the server behind it has nothing to say.",
        "https://modelcontextprotocol.io/specification/2025-06-18/basic/transports#listening-for-messages-from-the-server",
        frozenset({"apimanagement:Api"}),
        _methods,
    ),
    Rule(
        "backend",
        "error",
        "Azure refuses the backend, or calls of it are not protected.",
        "Give an address with https, certificates that are looked at, one rule for the breaker, and declared members.",
        _BACKENDS,
        frozenset({"apimanagement:Backend"}),
        _backend,
    ),
)
