"""Identity providers whose word about users is taken: enterprise-managed authorization."""

from collections.abc import Mapping, Sequence

from ..options import Options, Rule, each, length, matches, names, one_of, option
from .clients import KeyOptions, RegistrationOptions

_PATHS = Rule(
    r"[a-z0-9]+(-[a-z0-9]+)*(/[a-z0-9]+(-[a-z0-9]+)*)?",
    "give paths of servers on this gateway, such as mcp or team/snippets",
)
_ROLES = Rule(
    r"|[A-Za-z0-9][A-Za-z0-9_.:-]{0,119}( [A-Za-z0-9][A-Za-z0-9_.:-]{0,119})*",
    "give app roles of the server, separated by spaces; an empty text is the right to use it and no more",
)


class IdentityProviderOptions(Options):
    """An identity provider whose assertions about its users (ID-JAG) are taken, for which clients, and what its users may use."""

    issuer: str = option(
        matches(
            Rule(
                r"https://[a-z0-9-]+(?:\.[a-z0-9-]+)+(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?",
                "give its issuer identifier as its assertions have it, an https address without a query",
            )
        ),
        length(0, 512),
    )
    """Its issuer identifier, byte for byte as the claim `iss` has it."""
    keys: Sequence[KeyOptions] = option(length(0, 8), default=())
    """Public keys that it signs with (RS256)."""
    keys_uri: str = option(
        matches(
            Rule(
                r"|https://[a-z0-9-]+(?:\.[a-z0-9-]+)+/[A-Za-z0-9._~!$&'()*+,;=:@%/-]+",
                "give an https address without a port and a query: what its metadata calls jwks_uri",
            )
        ),
        length(0, 512),
        default="",
    )
    """Address of its public keys (a JSON Web Key Set), instead of the keys themselves."""
    tenant: str = option(
        length(0, 255), matches(Rule(r"[^{}\x00-\x1f]*", "give a tenant as its assertions name it")), default=""
    )
    """Tenant of an issuer that has several, as the claim `tenant` has it: others' users are refused. Not given: whoever comes with a tenant is refused."""
    user_claim: str = option(one_of("sub", "oid"), default="sub")
    """What names a user: sub, which makes an id for this provider alone, or oid for a provider that says the object ids of this tenant's users.
    One provider at most can be trusted with oid."""
    clients: Sequence[str] = option(length(1, 50))
    """Ids of those of clients that may bring its assertions."""
    servers: Mapping[str, str] = option(each(_PATHS), names(_ROLES), default={})
    """What its users may use: paths of servers, each with the app roles that they have there, separated by spaces. Assignments in Entra ID do
    not count for them. Not given: nothing."""

    def check(self) -> None:
        if bool(self.keys) == bool(self.keys_uri):
            raise self.wrong("keys_uri", "give one of keys and keysUri")


class EnterpriseOptions(RegistrationOptions):
    """Sign-in that an organisation's identity provider manages."""

    identity_providers: Sequence[IdentityProviderOptions] = option(length(0, 8), default=())
    """Identity providers whose assertions (ID-JAG) of users are exchanged for sessions without a sign-in: each with issuer, keysUri or keys,
    clients and servers. None: that grant does not exist."""

    def check(self) -> None:
        issuers = [provider.issuer for provider in self.identity_providers]
        if len(set(issuers)) < len(issuers):
            raise self.wrong("identity_providers", "two providers have the same issuer")
        if [provider.user_claim for provider in self.identity_providers].count("oid") > 1:
            raise self.wrong(
                "identity_providers",
                "two providers that say object ids could claim the same user; leave oid to one of them",
            )
        methods = {client.id: client.method for client in self.clients}
        for provider in self.identity_providers:
            for id in provider.clients:
                if methods.get(id, "none") == "none":
                    raise self.wrong(
                        "identity_providers",
                        f"{provider.issuer} names the client {id!r}; it must be one of clients that has a secret or keys",
                    )
