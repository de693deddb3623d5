"""Settings of hosts: secrets that stand there in plain text, and references to key vaults that nobody resolves."""

import re
from collections.abc import Iterator

from secure_mcp_local.recording.resources import Resource
from secure_mcp_local.rules.gateway import SECRET_READERS
from secure_mcp_local.rules.rule import NATIVE, Rule, Stack, at, known, lists, text

_REFERENCES = "https://learn.microsoft.com/azure/app-service/app-service-key-vault-references"
_SITE, _APP = "web:WebApp", "app:ContainerApp"
_SECRET_NAME = re.compile(
    r"(?:\A|_)(?:password|passwd|pwd|secret|token|api_?key|access_?key|account_?key|private_?key|connection_?string)\Z",
    re.IGNORECASE,
)
_SECRET_VALUE = re.compile(
    r"\b(?:AccountKey|SharedAccessKey|Password|Pwd)\s*=\s*[^;\s]{4,}"
    r"|[?&]sig=[\w%+/-]{20,}"
    r"|\b(?:sk-[\w-]{20,}|gh[pousr]_\w{30,}|github_pat_\w{30,}|xox[baprs]-[\w-]{10,}|AKIA[0-9A-Z]{16}|eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.)"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY|://[^/\s:@]+:[^/\s@]+@",
    re.IGNORECASE,
)
"""Connection strings with a key, shared access signatures, keys of well-known services, JSON Web Tokens, private keys, passwords in addresses."""
_REFERENCE = re.compile(
    r"@Microsoft\.KeyVault\((?:SecretUri=https://[^/;\s]+/secrets/[^/;\s]+(?:/[0-9a-f]*)?/?"
    r"|(?=.*\bVaultName=[A-Za-z0-9-]+)(?=.*\bSecretName=[A-Za-z0-9-]+)(?:(?:VaultName|SecretName|SecretVersion)=[A-Za-z0-9-]+;?)+)\)",
    re.IGNORECASE,
)
_NAMED = re.compile(r"VaultName=([A-Za-z0-9-]+)|SecretUri=https://([^./]+)\.", re.IGNORECASE)


def _settings(host: Resource) -> Iterator[tuple[str, str, str]]:
    """Path of the value, name and value of each."""
    if host.type == NATIVE + _SITE:
        found = [(f"siteConfig.appSettings[{n}]", one) for n, one in enumerate(lists(host, "siteConfig.appSettings"))]
    else:
        found = [
            (f"template.containers[{number}].env[{n}]", one)
            for number, container in enumerate(lists(host, "template.containers"))
            for n, one in enumerate(lists(container, "env"))
        ]
    for path, one in found:
        if isinstance(value := one.get("value"), str):
            yield f"{path}.value", str(one.get("name")), value


def _is_secret(host: Resource, path: str) -> bool:
    return any(path == one or path.startswith((f"{one}.", f"{one}[")) for one in host.secrets)


def _plain(host: Resource, stack: Stack) -> Iterator[str]:
    del stack
    for path, name, value in _settings(host):
        if value.startswith("@") or _is_secret(host, path):
            continue
        if _SECRET_VALUE.search(value):
            yield f"the setting {name} has a secret in plain text in it"
        elif value and _SECRET_NAME.search(name):
            yield f"the setting {name} is in plain text, and by its name it is a secret"


def _unresolved(host: Resource, stack: Stack) -> Iterator[str]:
    del stack
    for _, name, value in _settings(host):
        if not value.lower().startswith("@microsoft.keyvault"):
            continue
        if host.type == NATIVE + _APP:
            yield f"the setting {name} is {value!r}, which a container app takes for text; it has secrets, and secretRef"
        elif not _REFERENCE.fullmatch(value):
            yield f"the setting {name} is {value!r}, which is no reference that App Service knows"


def _unread(site: Resource, stack: Stack) -> Iterator[str]:
    """References that are well written, and that the app may not resolve."""
    reader = text(site, "keyVaultReferenceIdentity")
    own = reader.lower() in {"", "systemassigned"}
    who = None if own else stack.identities.get(reader.lower())
    for _, name, value in _settings(site):
        if not _REFERENCE.fullmatch(value):
            continue
        if (
            own
            and "SystemAssigned" not in str(at(site.inputs, "identity.type"))
            and known(site, "keyVaultReferenceIdentity")
        ):
            yield f"the setting {name} is read as the app's own identity, and it has none: keyVaultReferenceIdentity is {reader or None!r}"
        elif not own and reader.lower() not in stack.attached(site):
            yield f"the setting {name} is read as {reader.rpartition('/')[2]} (keyVaultReferenceIdentity), which the app does not have"
        found = _NAMED.search(value)
        vault = str(found[1] or found[2]).lower() if found else ""
        store = next((one for one in stack.all("keyvault:Vault") if str(one.get("name")).lower() == vault), None)
        if store is not None and who is not None and not stack.roles(who.get("principalId"), store.id) & SECRET_READERS:
            yield f"the setting {name} is in {store.name}, on which {who.name} has no role: it needs Key Vault Secrets User"
        # A vault that is named by its address is the business of foreign-id.
        declared = stack.all("keyvault:Vault")
        if found and found[1] and store is None and declared and all(stack.inside(one.id) for one in declared):
            yield f"the setting {name} is in the vault {found[1]}, which the stack does not declare"


RULES = (
    Rule(
        "secret-in-settings",
        "warning",
        "Whoever reads the program, its state or the host's settings reads the secret.",
        "Give a reference to a key vault (@Microsoft.KeyVault(SecretUri=https://VAULT.vault.azure.net/secrets/NAME)), or at least a secret output "
        "(pulumi.Output.secret, config.require_secret).",
        _REFERENCES,
        frozenset({_SITE, _APP}),
        _plain,
    ),
    Rule(
        "key-vault-reference",
        "error",
        "What is no reference stays as it is: the code gets the text of it instead of the secret.",
        "Write @Microsoft.KeyVault(SecretUri=https://VAULT.vault.azure.net/secrets/NAME) or @Microsoft.KeyVault(VaultName=VAULT;SecretName=NAME).",
        f"{_REFERENCES} https://learn.microsoft.com/azure/container-apps/manage-secrets",
        frozenset({_SITE, _APP}),
        _unresolved,
    ),
    Rule(
        "key-vault-reader",
        "error",
        "App Service does not get the secret: the code gets the text of the reference instead.",
        "Set keyVaultReferenceIdentity to the id of an identity of the app, give that the role Key Vault Secrets User on the vault, and name a vault that is declared or "
        "is somebody's whom you know (--ignore key-vault-reader).",
        f"{_REFERENCES}#access-vaults-with-a-user-assigned-identity",
        frozenset({_SITE}),
        _unread,
    ),
)
