"""Container Apps: what the platform refuses, and what it takes and does not run."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from secure_mcp_local.recording.resources import Resource
from secure_mcp_local.rules.rule import ON_SAVE, Rule, Stack, at, known, lists, mapping, text

_APP, _ENVIRONMENT = frozenset({"app:ContainerApp"}), frozenset({"app:ManagedEnvironment"})
_DOCS = "https://learn.microsoft.com/azure/container-apps/"
ACR_PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d"
_SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"
"""https://learn.microsoft.com/azure/role-based-access-control/built-in-roles"""
_LARGEST = {"Consumption": 4.0, "": 2.0}
"""Cores of a replica, by workload profile; none: an environment without profiles. https://learn.microsoft.com/azure/container-apps/containers#allocations"""
_SECRET_NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?")
_MEMORY = re.compile(r"(\d+(?:\.\d+)?)Gi")
_MOST_REPLICAS = 1000


def _environment_of(container: Resource, stack: Stack) -> Resource | None:
    return stack.at(container.inputs.get("environmentId") or container.inputs.get("managedEnvironmentId"))


def _size(container: Resource, stack: Stack) -> Iterator[str]:
    containers = lists(container, "template.containers")
    if not containers and known(container, "template"):
        yield "template.containers is empty: there is nothing to run"
    names = [str(one.get("name") or "") for one in [*containers, *lists(container, "template.initContainers")]]
    for name in sorted({one for one in names if names.count(one) > 1 or not one}):
        yield f"template.containers has the name {name!r} twice, or one without a name"
    for one in containers:
        if not one.get("image") and known(container, "template"):
            yield f"template.containers: {one.get('name')} has no image"
    cores, memory = 0.0, 0.0
    for one in containers:
        cpu, size = at(one, "resources.cpu"), str(at(one, "resources.memory") or "")
        if cpu is None and not size:
            cpu, size = 0.5, "1Gi"
        match = _MEMORY.fullmatch(size)
        if not isinstance(cpu, int | float) or cpu <= 0 or match is None:
            yield f"template.containers: {one.get('name')} has resources cpu {cpu!r} and memory {size!r}, and both are given, such as 0.5 and '1Gi'"
            return
        cores, memory = cores + cpu, memory + float(match[1])
    profile = str(container.inputs.get("workloadProfileName") or "")
    environment = _environment_of(container, stack)
    if not profile and environment is not None and lists(environment, "workloadProfiles"):
        profile = "Consumption"
    if profile not in _LARGEST or not containers:
        return
    most = _LARGEST[profile]
    if cores % 0.25 or not 0.25 <= cores <= most or memory != 2 * cores:
        yield (
            f"template.containers have {cores:g} cores and {memory:g}Gi together: with the profile {profile or 'of a Consumption environment'} "
            f"it is 0.25 to {most:g} cores in steps of 0.25, and twice as many Gi"
        )


def _ingress(container: Resource, stack: Stack) -> Iterator[str]:
    if not known(container, "configuration"):
        return
    ingress = mapping(container.inputs, "configuration", "ingress")
    mode = at(container.inputs, "configuration.activeRevisionsMode")
    host = str(at(container.outputs, "configuration.ingress.fqdn") or container.id.rpartition("/")[2]).lower()
    called = [
        one.name for one in stack.all("apimanagement:Api") if f"://{host}" in str(one.inputs.get("serviceUrl")).lower()
    ]
    if not ingress:
        if called:
            yield f"configuration.ingress is not given, and {', '.join(called)} calls it"
        return
    port = ingress.get("targetPort")
    if not isinstance(port, int) or not 1 <= port <= 65535:
        yield f"configuration.ingress.targetPort is {port!r}, and must be the port that the container listens on, 1 to 65535"
    transport = str(ingress.get("transport") or "auto").lower()
    if transport not in {"auto", "http", "http2", "tcp"}:
        yield f"configuration.ingress.transport is {ingress.get('transport')!r}, and must be auto, http, http2 or tcp"
    if ingress.get("exposedPort") and transport != "tcp":
        yield f"configuration.ingress.exposedPort is {ingress['exposedPort']}, which is for the transport tcp only"
    environment = _environment_of(container, stack)
    inside = environment is not None and at(environment.inputs, "vnetConfiguration.infrastructureSubnetId")
    if transport == "tcp" and ingress.get("external") is True and environment is not None and not inside:
        yield "configuration.ingress.transport is 'tcp' and external: that needs an environment in a virtual network"
    if ingress.get("external") is not True and called:
        yield f"configuration.ingress.external is {ingress.get('external')!r}, and {', '.join(called)} calls it from outside of its environment"
    traffic = lists(ingress, "traffic")
    weights = [one.get("weight") or 0 for one in traffic]
    if traffic and sum(weights) != 100:
        yield f"configuration.ingress.traffic has the weights {', '.join(map(str, weights))}, and they are 100 together"
    if mode != "Multiple" and any(one.get("revisionName") for one in traffic):
        yield f"configuration.ingress.traffic names revisions, and activeRevisionsMode is {mode!r}"
    if str(at(ingress, "stickySessions.affinity")).lower() == "sticky" and (mode == "Multiple" or transport == "tcp"):
        yield "configuration.ingress.stickySessions needs activeRevisionsMode 'Single' and HTTP"


def _revisions(container: Resource, stack: Stack) -> Iterator[str]:
    del stack
    mode = at(container.inputs, "configuration.activeRevisionsMode")
    if mode not in {None, "Single", "Multiple", "Labels"} and known(container, "configuration"):
        yield f"configuration.activeRevisionsMode is {mode!r}, and must be 'Single' or 'Multiple'"
    if mode == "Multiple" and not at(container.inputs, "configuration.ingress.traffic"):
        yield "configuration.activeRevisionsMode is 'Multiple' without ingress.traffic: old revisions stay, and are paid for"
    suffix = at(container.inputs, "template.revisionSuffix")
    if suffix and not _SECRET_NAME.fullmatch(str(suffix)):
        yield f"template.revisionSuffix is {suffix!r}: lower-case letters, digits and '-'"


def _scale(container: Resource, stack: Stack) -> Iterator[str]:
    del stack
    scale = mapping(container.inputs, "template", "scale")
    least, most = scale.get("minReplicas"), scale.get("maxReplicas")
    low, high = 0 if least is None else least, 10 if most is None else most
    if not isinstance(low, int) or not 0 <= low <= _MOST_REPLICAS:
        yield f"template.scale.minReplicas is {low!r}, and must be 0 to {_MOST_REPLICAS}"
    elif not isinstance(high, int) or not 1 <= high <= _MOST_REPLICAS:
        yield f"template.scale.maxReplicas is {high!r}, and must be 1 to {_MOST_REPLICAS}"
    elif low > high:
        yield f"template.scale.minReplicas is {low}, and maxReplicas {high}"
    elif (
        not low
        and not lists(scale, "rules")
        and not at(container.inputs, "configuration.ingress")
        and known(container, "configuration")
        and known(container, "template")
    ):
        yield "template.scale.minReplicas is 0 without ingress and without rules: it goes to zero and never comes back"
    names = [str(one.get("name") or "") for one in lists(scale, "rules")]
    if len({*names}) < len(names) or "" in names:
        yield "template.scale.rules need names, each once"


def _placed(container: Resource, stack: Stack) -> Iterator[str]:
    id = container.inputs.get("environmentId") or container.inputs.get("managedEnvironmentId")
    if not id and known(container, "environmentId"):
        yield "environmentId is not given: an app lies in an environment"
    environment = stack.at(id)
    if environment is None or environment.read:
        return
    own, there = (text(one, "location").replace(" ", "").lower() for one in (container, environment))
    if own and there and own != there:
        yield f"location is {own!r}, and its environment {environment.name} is in {there!r}"
    profiles = {str(one.get("name")) for one in lists(environment, "workloadProfiles")}
    wanted = container.inputs.get("workloadProfileName")
    if wanted and wanted not in profiles:
        yield f"workloadProfileName is {wanted!r}, and {environment.name} has {', '.join(sorted(profiles)) or 'no profiles'}"


def _registry(container: Resource, stack: Stack) -> Iterator[str]:
    secrets = {str(one.get("name")) for one in lists(container, "configuration.secrets")}
    registries = lists(container, "configuration.registries")
    for one in registries:
        server, identity = str(one.get("server") or ""), str(one.get("identity") or "")
        if not server:
            yield "configuration.registries has one without server"
        if "://" in server or "/" in server:
            yield f"configuration.registries: server is {server!r}, and must be a host without https:// and path"
        if identity and one.get("username"):
            yield f"configuration.registries: {server} has identity and username, and must have one of them"
        if not identity and one.get("username") and str(one.get("passwordSecretRef")) not in secrets:
            yield f"configuration.registries: passwordSecretRef of {server} is {one.get('passwordSecretRef')!r}, which configuration.secrets does not have"
        yield from _pulled(container, stack, server, identity)
    if not known(container, "template"):
        return
    servers = {str(one.get("server")).lower() for one in registries}
    for one in lists(container, "template.containers"):
        host = str(one.get("image") or "").partition("/")[0].lower()
        if host.endswith(".azurecr.io") and host not in servers:
            yield f"template.containers: the image of {one.get('name')} is in {host}, which configuration.registries does not have"


def _moving(container: Resource, stack: Stack) -> Iterator[str]:
    """Images that are another one tomorrow."""
    del stack
    for kind in ("containers", "initContainers"):
        for one in lists(container, f"template.{kind}"):
            image = str(one.get("image") or "")
            name, _, tag = image.rpartition("/")[2].partition(":")
            if name and "@" not in image and tag in {"", "latest"}:
                yield f"template.{kind}: the image of {one.get('name')} is {image!r}, which {'names no version' if not tag else 'is whatever was pushed last'}"


def _pulled(container: Resource, stack: Stack, server: str, identity: str) -> Iterator[str]:
    """Whether the identity that pulls is there, and may."""
    if not identity:
        return
    if identity.lower() in {"system", "system-environment"}:
        if identity.lower() == "system" and "SystemAssigned" not in str(at(container.inputs, "identity.type")):
            yield f"configuration.registries: identity of {server} is 'system', and the app has none of its own"
        return
    if identity.lower() not in stack.attached(container):
        yield f"configuration.registries: identity of {server} is {identity.rpartition('/')[2]}, which the app does not have"
    who = stack.identities.get(identity.lower())
    registry = next(
        (
            one
            for one in stack.all("containerregistry:Registry")
            if server.lower() == f"{one.id.rpartition('/')[2]}.azurecr.io".lower()
        ),
        None,
    )
    if who is not None and registry is not None and ACR_PULL not in stack.roles(who.get("principalId"), registry.id):
        yield f"{who.name} has no role on {registry.name}: it needs AcrPull"


def _secrets(container: Resource, stack: Stack) -> Iterator[str]:
    if not known(container, "configuration"):
        return
    secrets = lists(container, "configuration.secrets")
    names = [str(one.get("name") or "") for one in secrets]
    for one in secrets:
        name = str(one.get("name") or "")
        if not _SECRET_NAME.fullmatch(name) or names.count(name) > 1:
            yield f"configuration.secrets has the name {name!r}: lower-case letters, digits, '-' and '.', each once"
        if bool(one.get("value")) == bool(one.get("keyVaultUrl")):
            yield f"configuration.secrets: {name} needs value or keyVaultUrl, and one of them"
        if one.get("keyVaultUrl"):
            yield from _from_vault(container, stack, one, name)
    for where, one in _referring(container):
        if one and one not in names:
            yield f"{where} is {one!r}, which configuration.secrets does not have"
    for one in lists(container, "template.containers"):
        variables = lists(one, "env")
        given = [str(variable.get("name") or "") for variable in variables]
        for name in sorted({name for name in given if given.count(name) > 1 or not name}):
            yield f"template.containers: {one.get('name')} has the variable {name!r} twice, or one without a name"
        for variable in variables:
            if variable.get("value") is not None and variable.get("secretRef"):
                yield f"template.containers: the variable {variable.get('name')} has value and secretRef"


def _from_vault(container: Resource, stack: Stack, secret: Mapping[str, Any], name: str) -> Iterator[str]:
    identity = str(secret.get("identity") or "")
    if not identity:
        yield f"configuration.secrets: {name} is in a vault, and identity does not say as whom it is read"
    elif identity.lower() != "system" and identity.lower() not in stack.attached(container):
        yield f"configuration.secrets: identity of {name} is {identity.rpartition('/')[2]}, which the app does not have"
    who = stack.identities.get(identity.lower())
    host = str(secret.get("keyVaultUrl")).removeprefix("https://").partition(".")[0].lower()
    vault = next((one for one in stack.all("keyvault:Vault") if str(one.get("name")).lower() == host), None)
    if who is not None and vault is not None and _SECRETS_USER not in stack.roles(who.get("principalId"), vault.id):
        yield f"{who.name} has no role on {vault.name}: it needs Key Vault Secrets User"


def _referring(container: Resource) -> Iterator[tuple[str, str]]:
    """Where secrets are named, and which."""
    for kind in ("containers", "initContainers"):
        for one in lists(container, f"template.{kind}"):
            for variable in lists(one, "env"):
                yield f"template.{kind}: secretRef of {variable.get('name')}", str(variable.get("secretRef") or "")
    for rule in lists(container, "template.scale.rules"):
        for kind in ("custom", "http", "tcp", "azureQueue"):
            for one in lists(rule, f"{kind}.auth"):
                yield f"template.scale.rules: secretRef of {rule.get('name')}", str(one.get("secretRef") or "")
    for volume in lists(container, "template.volumes"):
        for one in lists(volume, "secrets"):
            yield f"template.volumes: secretRef of {volume.get('name')}", str(one.get("secretRef") or "")


def _environment(environment: Resource, stack: Stack) -> Iterator[str]:
    subnet = at(environment.inputs, "vnetConfiguration.infrastructureSubnetId")
    profiles = lists(environment, "workloadProfiles")
    if at(environment.inputs, "vnetConfiguration.internal") is True and not subnet:
        yield "vnetConfiguration.internal is True without infrastructureSubnetId"
    if environment.inputs.get("zoneRedundant") is True and not subnet:
        yield "zoneRedundant is True, which needs vnetConfiguration.infrastructureSubnetId"
    yield from _profiles(profiles)
    declared = stack.subnet(subnet)
    if declared is None:
        return
    services = {str(one.get("serviceName")) for one in lists(declared, "delegations")}
    if profiles and "Microsoft.App/environments" not in services:
        yield f"the subnet {declared.get('name')} is not delegated to Microsoft.App/environments"
    size = int(str(declared.get("addressPrefix") or "/0").rpartition("/")[2])
    if size > (27 if profiles else 23):
        yield f"the subnet {declared.get('name')} is {declared.get('addressPrefix')}, and must be /{27 if profiles else 23} or larger"


def _profiles(profiles: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    names = [str(one.get("name") or "") for one in profiles]
    if len({*names}) < len(names) or "" in names:
        yield f"workloadProfiles has the names {', '.join(names)}, and each must be there once"
    for one in profiles:
        kind = str(one.get("workloadProfileType") or "")
        counts = (one.get("minimumCount"), one.get("maximumCount"))
        if not kind:
            yield f"workloadProfiles: {one.get('name')} has no workloadProfileType"
        elif kind.startswith("Consumption") and any(count is not None for count in counts):
            yield f"workloadProfiles: {one.get('name')} is of the type {kind}, which has no minimumCount and maximumCount"
        elif not kind.startswith("Consumption") and (None in counts or counts[0] > counts[1]):  # pyright: ignore[reportOptionalOperand]
            yield f"workloadProfiles: {one.get('name')} of the type {kind} has minimumCount {counts[0]} and maximumCount {counts[1]}"


RULES = (
    Rule(
        "container-size",
        "error",
        "Azure refuses an app whose cores and memory do not go together, or that has nothing to run.",
        "Give each container name, image and resources, and twice as many Gi as cores.",
        f"{_DOCS}containers#allocations {_DOCS}workload-profiles-overview",
        _APP,
        _size,
        ON_SAVE,
    ),
    Rule(
        "container-ingress",
        "error",
        "Azure refuses the ingress, or nobody reaches the container by it.",
        "Correct port, transport and traffic; let it be external where a gateway calls it.",
        f"{_DOCS}ingress-overview {_DOCS}traffic-splitting {_DOCS}sticky-sessions",
        _APP,
        _ingress,
        ON_SAVE,
    ),
    Rule(
        "container-revisions",
        "error",
        "Revisions that nobody switches off run, and are paid for, beside the one that is meant.",
        "Set activeRevisionsMode='Single', or say how traffic is split.",
        f"{_DOCS}revisions",
        _APP,
        _revisions,
    ),
    Rule(
        "container-scale",
        "error",
        "Azure refuses the scale, or the app never starts.",
        "Set 0 <= min_replicas <= max_replicas <= 1000; without ingress give a rule, or one replica at least.",
        f"{_DOCS}scale-app",
        _APP,
        _scale,
        ON_SAVE,
    ),
    Rule(
        "container-environment",
        "error",
        "Azure refuses an app that is not in its environment's region, or names a profile that the environment lacks.",
        "Give the environment's id, its location, and one of its profiles.",
        f"{_DOCS}environment {_DOCS}workload-profiles-overview",
        _APP,
        _placed,
        ON_SAVE,
    ),
    Rule(
        "container-registry",
        "error",
        "The image is not pulled: the first revision fails, and with it the deployment.",
        "Name the registry's host and an identity of the app that has AcrPull on it.",
        f"{_DOCS}managed-identity-image-pull {_DOCS}containers#container-registries",
        _APP,
        _registry,
    ),
    Rule(
        "container-image",
        "warning",
        "Nobody knows which code runs: replicas that start on different days may differ, a new image makes no revision, and there is no way back.",
        "Name a version that is not given again, such as :1.4.2, or the image's digest (@sha256:…).",
        "https://learn.microsoft.com/azure/container-registry/container-registry-image-tag-version",
        _APP,
        _moving,
    ),
    Rule(
        "container-secret",
        "error",
        "Azure refuses a reference to a secret that the app does not have, or a secret that it cannot read.",
        "Declare the secret; read one of a vault as an identity of the app with Key Vault Secrets User.",
        f"{_DOCS}manage-secrets",
        _APP,
        _secrets,
        ON_SAVE,
    ),
    Rule(
        "environment-network",
        "error",
        "Azure refuses the environment: its subnet is not its own, or too small, or its profiles do not add up.",
        "Delegate a subnet of /27 or larger to Microsoft.App/environments.",
        f"{_DOCS}custom-virtual-networks {_DOCS}workload-profiles-overview",
        _ENVIRONMENT,
        _environment,
        ON_SAVE,
    ),
)
