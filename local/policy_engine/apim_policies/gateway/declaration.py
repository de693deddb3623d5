"""What a gateway is to be: plain values, wherever they come from."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from apim_policies.expressions.context import Authorization, Certificate, User
from apim_policies.pipeline.backends import DeclaredBackend
from apim_policies.pipeline.disclosure import Vocabulary


@dataclass(frozen=True)
class NamedValue:
    value: str
    secret: bool = False
    """Whether nobody may see it, in a trace or elsewhere."""


@dataclass(frozen=True)
class OperationDeclaration:
    id: str
    name: str
    """As people see it."""
    method: str
    url_template: str
    policy: str | None = None
    """Its policy document, in the `rawxml` format."""


@dataclass(frozen=True)
class ProductDeclaration:
    """A product: APIs with a policy of their own, for who has subscribed to it."""

    id: str
    name: str = ""
    apis: Collection[str] = ()
    """Ids of its APIs."""
    policy: str | None = None
    subscription_required: bool = True


@dataclass(frozen=True)
class SubscriptionDeclaration:
    """A subscription: to a product, to an API, or to all of them."""

    id: str
    primary_key: str
    secondary_key: str = ""
    name: str = ""
    product: str | None = None
    api: str | None = None
    user: User | None = None
    """Who has subscribed."""
    active: bool = True


@dataclass(frozen=True)
class ApiDeclaration:
    """An API."""

    id: str
    name: str
    path: str
    """What its addresses begin with; empty for all that no other API has."""
    service_url: str | None = None
    """Base address of its backend."""
    operations: Sequence[OperationDeclaration] = ()
    policy: str | None = None
    subscription_required: bool = False
    """Whether its requests need a key, in `key_header` or `key_query`."""
    key_header: str = "Ocp-Apim-Subscription-Key"
    key_query: str = "subscription-key"
    revision: str = "1"
    version: str | None = None


@dataclass(frozen=True)
class Declaration:
    """One API Management service with all that it needs to answer."""

    url: str
    """Where clients reach it."""
    apis: Sequence[ApiDeclaration] = ()
    name: str = "gateway"
    id: str = ""
    """Its resource id."""
    hosts: Collection[str] = ()
    """Host names of its own that it answers for as well, at port 443."""
    named_values: Mapping[str, NamedValue] = field(default_factory=dict[str, NamedValue])
    fragments: Mapping[str, str] = field(default_factory=dict[str, str])
    """Texts of the policy fragments by id."""
    vocabulary: Vocabulary = field(default_factory=Vocabulary)
    """Words that traces may show."""
    policy: str | None = None
    """Of the whole service; None: the one that a new service has."""
    products: Sequence[ProductDeclaration] = ()
    subscriptions: Sequence[SubscriptionDeclaration] = ()
    backends: Sequence[DeclaredBackend] = ()
    """Backend resources: single ones and pools."""
    certificates: Sequence[Certificate] = ()
    """Certificates that policies can use."""
    authorizations: Mapping[tuple[str, str], Authorization] = field(
        default_factory=dict[tuple[str, str], Authorization]
    )
    """Connections of the credential manager, by provider and connection."""
    files: Mapping[str, str] = field(default_factory=dict[str, str])
    """The files of documents, by the names of the documents; of those that are files of their own."""

    @property
    def documents(self) -> Mapping[str, str]:
        """Texts of all documents, by the names that they have in traces, errors and coverage."""
        found = {fragment_document(id): text for id, text in self.fragments.items()}
        if self.policy is not None:
            found[SERVICE] = self.policy
        found |= {product_document(one.id): one.policy for one in self.products if one.policy is not None}
        for api in self.apis:
            if api.policy is not None:
                found[api_document(api.id)] = api.policy
            found |= {api_document(api.id, one.id): one.policy for one in api.operations if one.policy is not None}
        return found

    def with_document(self, name: str, text: str) -> "Declaration":
        """The same with another text of one document."""
        return replace(
            self,
            policy=text if name == SERVICE else self.policy,
            fragments={id: text if name == fragment_document(id) else old for id, old in self.fragments.items()},
            products=[replace(one, policy=text) if name == product_document(one.id) else one for one in self.products],
            apis=[
                replace(
                    api,
                    policy=text if name == api_document(api.id) else api.policy,
                    operations=[
                        replace(one, policy=text) if name == api_document(api.id, one.id) else one
                        for one in api.operations
                    ],
                )
                for api in self.apis
            ],
        )


SERVICE = "service.xml"
"""Name of the document of the whole service."""


def fragment_document(id: str) -> str:
    """Name of a fragment's document."""
    return f"fragments/{id}.xml"


def product_document(id: str) -> str:
    """Name of a product's document."""
    return f"products/{id}.xml"


def api_document(api: str, operation: str = "api") -> str:
    """Name of an API's document, or of one of its operations'."""
    return f"apis/{api}/{operation}.xml"
