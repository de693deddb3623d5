"""The OAuth API: the authorization server that MCP clients sign in to."""

import base64
import hashlib
from collections.abc import Sequence

import pulumi
import pulumi_random as random
from pulumi_azure_native import apimanagement

from ..apis import documents
from ..apis.api import Service, declare_fragments, declare_named_value, declare_operations, declare_secret_named_value
from ..azure.component import Component
from ..azure.key_vault import KeyVaultReader
from ..options import Taken
from .options import AuthorizationServerOptions


class AuthorizationServerArgs(AuthorizationServerOptions):
    """The authorization server, and what it builds on."""

    resource_group_name: pulumi.Input[str]
    """Resource group of the API Management instance."""
    service_name: pulumi.Input[str]
    """Name of the API Management instance."""
    prefix: str = ""
    """What the ids of all that is declared begin with."""
    logger_id: pulumi.Input[str] = ""
    """Logger that the API writes to; empty: that of the whole instance."""
    azure_monitor_logger_id: pulumi.Input[str] = ""
    """Logger of Azure Monitor that the API writes to; empty: that of the whole instance."""
    gateway_url: pulumi.Input[str]
    """Public address of the gateway, without a trailing slash."""
    tenant_id: pulumi.Input[str]
    """Tenant whose users sign in."""
    client_id: pulumi.Input[str]
    """Client id of the Entra application that users sign in to."""
    identity_client_id: pulumi.Input[str]
    """Client id of the gateway's identity."""
    session_store_endpoint: pulumi.Input[str]
    """Address of the session store's container of sessions."""
    registration_store_endpoint: pulumi.Input[str]
    """Address of its container of registrations and sign-ins in progress."""
    key_vault: KeyVaultReader | None = None
    """The vault that the keys are kept in; without one API Management keeps them itself."""


def _digest(text: str) -> str:
    """64 bytes in base64, as random as the text: its 128 letters and digits have 762 bits."""
    return base64.b64encode(hashlib.sha512(text.encode()).digest()).decode()


class AuthorizationServer(Component):
    """OAuth API with its operations, the policy fragments, the named values and the keys that seal tokens.

    `policy_parts` (named values and fragments) must exist before any policy that uses them can be saved.
    """

    api_id: pulumi.Output[str]
    """Resource id of the OAuth API."""
    policy_parts: pulumi.Output[Sequence[str]]
    """URNs of the named values and the policy fragments: what takes them waits for them."""

    def __init__(
        self, name: str, args: AuthorizationServerArgs | Taken, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        args = AuthorizationServerArgs.of(args)
        super().__init__("secure-mcp:index:AuthorizationServer", name, opts)
        here = self.inside()
        service = Service(
            args.service_name, args.resource_group_name, args.prefix, args.logger_id, args.azure_monitor_logger_id
        )
        version = args.encryption_key_version

        def key(number: int) -> pulumi.Output[str]:
            """32 bytes to encrypt and 32 to authenticate, behind the number that sealed values start with."""
            # Not RandomBytes: its id is its value, and ids lie in the state in plain text.
            material = random.RandomPassword(f"{name}-key-{number}", length=128, special=False, opts=self.outside())
            return pulumi.Output.concat(f"{number}.", material.result.apply(_digest))

        public = {
            "APIMGatewayURL": args.gateway_url,
            "EntraTenantId": args.tenant_id,
            "McpClientId": args.client_id,
            "EntraIDFicClientId": args.identity_client_id,
            "OAuthScopes": args.oauth_scopes,
            "SessionStoreEndpoint": args.session_store_endpoint,
            "RegistrationStoreEndpoint": args.registration_store_endpoint,
        }
        vault = args.key_vault
        named_values: list[pulumi.Resource] = [
            declare_named_value(name, service, id, value, self) for id, value in public.items()
        ]
        previous, kept = declare_secret_named_value(
            name, service, "PreviousEncryptionKey", key(version - 1) if version > 1 else "none", vault, self
        )
        # The one before it first: at no moment of a rotation is there a sealed value that neither opens.
        current, also_kept = declare_secret_named_value(
            name, service, "EncryptionKey", key(version), vault, self, [previous] if version > 1 else []
        )
        named_values += [previous, current]
        self.secrets = [*kept, *also_kept]
        for client in args.clients:
            if client.method == "secret":
                hashed, kept = declare_secret_named_value(
                    name, service, client.secret_name, client.hash_of_secret, vault, self
                )
                named_values.append(hashed)
                self.secrets += kept
        fragments = declare_fragments(name, service, args, self, named_values)
        parts = [*named_values, *fragments]
        self.policy_parts = pulumi.Output.all(*(part.urn for part in parts))
        api = apimanagement.Api(
            f"{name}-api",
            api_id=service.id("oauth"),
            display_name=service.id("OAuth 2.1 authorization server"),
            path="",
            protocols=[apimanagement.Protocol.HTTPS],
            subscription_required=False,
            service_name=service.name,
            resource_group_name=service.resource_group_name,
            opts=here,
        )
        declare_operations(
            name,
            service,
            api,
            "oauth/api.xml",
            documents.oauth_operations(),
            args,
            self,
            parts,
        )
        self.api_id = api.id
        self.register_outputs({"apiId": self.api_id, "policyParts": self.policy_parts})
