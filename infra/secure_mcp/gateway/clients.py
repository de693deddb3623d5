"""Clients that the configuration registers, and whose metadata documents are read."""

import base64
import hashlib
import uuid
from collections.abc import Sequence

import pulumi

from ..apis import redirects
from ..options import Options, Rule, each, length, matches, one_of, option, unlike
from ..options.rules import HOSTS

DOCUMENT_HOSTS = ("claude.ai", "chatgpt.com", "vscode.dev", "insiders.vscode.dev", "zed.dev", "opencode.ai")
"""Hosts of applications that publish Client ID Metadata Documents, and on which nobody else can: claude.ai (Claude, Claude Code), chatgpt.com
(ChatGPT, with a key), vscode.dev (Visual Studio Code), zed.dev, opencode.ai. https://github.com/anomalyco/opencode/issues/25961"""

# Schemes that a browser opens as pages or runs as scripts.
_DANGEROUS_SCHEMES = {"javascript", "data", "file", "vbscript", "blob", "about", "http", "https"}
HOSTS_OR_ALL = Rule(rf"\*|{HOSTS.pattern}", "give host names in lower case, or *")
_REDIRECTS = Rule(
    redirects.acceptable(r"(?!https?:)[a-z][a-z0-9+.-]*"),
    "give addresses of https, of http to this computer (localhost, 127.0.0.1, [::1]), or of a scheme of redirectSchemes; without user "
    "information, fragment, wildcard or control characters",
)
_MODULUS = Rule(
    # The same bounds as signing_keys in policies/macros.jinja has.
    r"[g-z0-9_-][A-Za-z0-9_-]{341}|[B-Za-z0-9_-][A-Za-z0-9_-]{342,682}",
    "give the n of a JSON Web Key: the modulus of an RSA key of 2048 to 4096 bits, in base64url",
)


class KeyOptions(Options):
    """The public half of an RSA key, as a JSON Web Key (RFC 7517) has it."""

    n: str = option(matches(_MODULUS))
    """Modulus, in base64url."""
    e: str = option(one_of("AQAB"), default="AQAB")
    """Exponent, 65537."""
    kid: str = option(length(0, 200), matches(Rule(r"[^{}\x00-\x1f]*", "give a key id without braces")), default="")
    """Id of the key, if its tokens name it."""
    kty: str = option(one_of("RSA"), default="RSA")
    """Kind of the key."""
    use: str = option(one_of("sig"), default="sig")
    """What it is for."""
    alg: str = option(one_of("RS256"), default="RS256")
    """Its algorithm."""


class ClientOptions(Options):
    """A client that is registered by hand: public, or with a secret or a key."""

    id: str = option(
        matches(
            Rule(
                r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?",
                "give 1 to 64 letters, digits and . _ - between them",
            )
        )
    )
    """Its client id, which its administrator enters there."""
    name: str = option(
        length(1, 80), matches(Rule(r"[^\x00-\x1f\x7f{}]+", "give a name without control characters and braces"))
    )
    """What people read where they are asked to allow it."""
    redirect_uris: Sequence[str] = option(each(_REDIRECTS), length(0, 20), default=())
    """Where it may be answered; of an address of this computer the port counts nothing."""
    secret: pulumi.Input[str] = option(
        matches(
            Rule(
                # Of signs that look the same whether a client encodes them for HTTP Basic, as RFC 6749 asks for, or does not.
                r"|[A-Za-z0-9._~-]{32,512}",
                "give at least 32 letters, digits and . _ ~ -, such as openssl rand -hex 32 prints; the gateway keeps a hash, which must "
                "not be guessed",
            )
        ),
        default="",
        secret=True,
    )
    """Its secret, with which it must authenticate. Only the hash reaches the gateway."""
    secret_hash: str = option(
        matches(
            Rule(r"|[A-Za-z0-9_-]{43}", "give the SHA-256 of the secret in base64url without padding: 43 characters")
        ),
        default="",
    )
    """The hash of its secret (SHA-256, base64url without padding) instead of the secret, which is in no configuration and no state then."""
    keys: Sequence[KeyOptions] = option(length(0, 8), default=())
    """Public keys, with one of which it must authenticate (private_key_jwt, RS256)."""
    keys_uri: str = option(
        matches(
            Rule(
                r"|https://[a-z0-9-]+(?:\.[a-z0-9-]+)+/[A-Za-z0-9._~!$&'()*+,;=:@%/-]+",
                "give an https address without a port and a query",
            )
        ),
        length(0, 512),
        default="",
    )
    """Address of its public keys (a JSON Web Key Set), instead of the keys themselves."""

    issuer: str = option(
        matches(
            Rule(
                r"|https://[a-z0-9.-]+(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~/-]*)?|http://localhost:[0-9]{1,5}(?:/[A-Za-z0-9._~/-]*)?",
                "give the issuer of its tokens as they say it: an https address without a query, below which "
                "/.well-known/openid-configuration is",
            )
        ),
        default="",
    )
    """Issuer of the workload's own tokens, with which it authenticates instead: of a managed identity
    https://login.microsoftonline.com/TENANT/v2.0, of GitHub https://token.actions.githubusercontent.com, of a cluster its OpenID issuer."""
    subject: str = option(
        length(0, 255), matches(Rule(r"[^{}<&\x00-\x1f]*", "give the subject of its tokens, whole")), default=""
    )
    """Subject of these tokens, exactly: the object id of a managed identity, repo:OWNER/NAME:ref:refs/heads/main,
    system:serviceaccount:NAMESPACE:NAME."""
    audience: str = option(
        length(0, 255), matches(Rule(r"[^{}<&\x00-\x1f]*", "give the audience of its tokens")), default=""
    )
    """Audience of these tokens, if it is not the address of the gateway, such as api://CLIENT-ID of an application of Entra ID's."""
    workload: bool = False
    """Whether it may come without a user (client_credentials), to servers that name it in their workloads."""

    def check(self) -> None:
        given = [
            name
            for name in ("secret", "secret_hash", "keys", "keys_uri", "issuer")
            if not _is_empty(getattr(self, name))
        ]
        if len(given) > 1:
            raise self.wrong(given[1], f"a client authenticates in one way; {given[0]} is given, too")
        if bool(self.issuer) != bool(self.subject):
            raise self.wrong(
                "subject", "issuer and subject belong together: a token of another subject is another workload's"
            )
        if self.audience and not self.issuer:
            raise self.wrong("audience", "it is that of an issuer's tokens; give issuer and subject, too")
        if self.workload and not given:
            raise self.wrong(
                "workload", "a workload proves who it is; give it a secret, keys, keysUri, or issuer and subject"
            )
        if self.issuer and not self.workload:
            raise self.wrong("issuer", "tokens of an issuer are those of workloads; set workload to true")

    @property
    def method(self) -> str:
        """How it authenticates: none, secret, private_key_jwt, or federated (by a token of its issuer's)."""
        if self.secret_hash or not _is_empty(self.secret):
            return "secret"
        if self.issuer:
            return "federated"
        return "private_key_jwt" if self.keys or self.keys_uri else "none"

    @property
    def workload_id(self) -> str:
        """What servers know a workload by, as they know users by an object id: the same for the same client, and of a version that Entra ID makes
        none of (RFC 9562, section 5.5)."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"urn:secure-mcp:workload:{self.id}"))

    @property
    def secret_name(self) -> str:
        """Name of the named value that holds the hash of its secret."""
        return f"client-{self.id}-secret"

    @property
    def hash_of_secret(self) -> pulumi.Output[str]:
        """What the named value holds: base64url of the SHA-256."""
        if self.secret_hash:
            return pulumi.Output.secret(self.secret_hash)
        return pulumi.Output.secret(self.secret).apply(
            lambda text: base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
        )


def _is_empty(value: object) -> bool:
    return not isinstance(value, pulumi.Output) and not value


class RegistrationOptions(Options):
    """Which clients there are."""

    clients: Sequence[ClientOptions] = option(length(0, 50), default=(), secret=True)
    """Clients that are registered here by hand, for agents whose administrators enter a client id: each with id, name, redirectUris and, unless it
    is public, a secret (at least 32 characters), keys (JSON Web Keys) or keysUri."""
    allowed_clients: Sequence[str] = option(each(Rule(r"\S+", "give client ids, hosts or schemes")), default=())
    """If not empty, only clients with these ids, redirect hosts or redirect schemes may sign in, and those of clients."""
    client_metadata_hosts: Sequence[str] = option(each(HOSTS_OR_ALL), default=DOCUMENT_HOSTS)
    """Hosts whose Client ID Metadata Documents are accepted; "*" accepts every public host. By default those of well-known applications."""
    redirect_schemes: Sequence[str] = option(
        each(Rule(r"[a-z][a-z0-9+.-]*", "give schemes without a colon")),
        unlike(_DANGEROUS_SCHEMES, "web and script schemes are not for this list"),
        default=("cursor", "vscode", "vscode-insiders"),
    )
    """Private-use URI schemes that clients may redirect to."""
    unused_registration_days: int = option(default=14, at_least=1, at_most=365)
    """Days after which a registration is forgotten that never got a token; another is a year after it was last used."""

    def check(self) -> None:
        ids = [client.id.lower() for client in self.clients]
        if twice := sorted({id for id in ids if ids.count(id) > 1}):
            raise self.wrong(
                "clients", f"{twice[0]} is there twice; ids that differ in case only cannot both have a secret"
            )
        sources = [(client.issuer, client.subject) for client in self.clients if client.issuer]
        if len(set(sources)) < len(sources):
            raise self.wrong("clients", "two have the same issuer and subject; a token could be either's")
        for client in self.clients:
            for uri in client.redirect_uris:
                scheme = uri.partition(":")[0]
                if scheme not in {"http", "https", *self.redirect_schemes}:
                    raise self.wrong("clients", f"{client.id} redirects to {uri}; add {scheme} to redirectSchemes")
                if redirects.answers_already(uri):
                    raise self.wrong(
                        "clients",
                        f"{client.id}: {uri} has a parameter that an answer will have; take it out of the address "
                        f"({', '.join(redirects.ANSWER_PARAMETERS)})",
                    )

    @property
    def workload_clients(self) -> tuple[ClientOptions, ...]:
        """Clients that may come without a user."""
        return tuple(client for client in self.clients if client.workload)

    @property
    def federated_clients(self) -> tuple[ClientOptions, ...]:
        """Clients that authenticate by tokens of an issuer of their own."""
        return tuple(client for client in self.clients if client.issuer)

    @property
    def client_ids(self) -> tuple[str, ...]:
        """Ids of the clients that are registered by hand."""
        return tuple(client.id for client in self.clients)
