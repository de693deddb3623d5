"""Keys of subscriptions: who may call an API, and in which product.

https://learn.microsoft.com/azure/api-management/api-management-subscriptions
"""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from apim_policies.expressions.context import Product, Request, Subscription, User
from apim_policies.gateway.declaration import ProductDeclaration, SubscriptionDeclaration
from apim_policies.gateway.routing import DeclaredApi
from apim_policies.pipeline.call import Failure


@dataclass(frozen=True)
class Access:
    """What a request's key says of it."""

    subscription: Subscription | None = None
    product: Product | None = None
    user: User | None = None


class Subscriptions:
    """The subscriptions of a gateway."""

    def __init__(
        self, subscriptions: Sequence[SubscriptionDeclaration], products: Sequence[ProductDeclaration]
    ) -> None:
        self._subscriptions = subscriptions
        self._products: Mapping[str, ProductDeclaration] = {one.id: one for one in products}

    def access(self, api: DeclaredApi, request: Request) -> Access:
        """Who calls.

        Raises:
            Failure: the API needs a key, and there is none, or none that is for it.
        """
        query = request.original_url.query()
        key = request.headers.get(api.api.subscription_key_header)
        if key is None:
            key = next((values[0] for name, values in query.items() if name == api.api.subscription_key_query), None)
        if key is None:
            open_products = [
                one for one in self._products.values() if not one.subscription_required and api.api.id in one.apis
            ]
            if open_products:
                return Access(product=_product(open_products[0]))
            if api.needs_key:
                raise _denied(
                    "NotFound", "missing", "Make sure to include subscription key when making requests to an API."
                )
            return Access()
        for one in self._subscriptions:
            keys = [text for text in (one.primary_key, one.secondary_key) if text]
            if (
                one.active
                and any(hmac.compare_digest(text.encode(), key.encode()) for text in keys)
                and self._for(one, api)
            ):
                product = self._products.get(one.product or "")
                subscription = Subscription(one.id, one.name, key, one.primary_key, one.secondary_key)
                return Access(subscription, _product(product) if product is not None else None, one.user)
        if api.needs_key:
            raise _denied("Invalid", "invalid", "Make sure to provide a valid key for an active subscription.")
        return Access()

    def _for(self, one: SubscriptionDeclaration, api: DeclaredApi) -> bool:
        """Whether a subscription is for an API: its own, one of its product, or all of them."""
        if one.product is not None:
            product = self._products.get(one.product)
            return product is not None and api.api.id in product.apis
        return one.api is None or one.api == api.api.id


def _product(declared: ProductDeclaration) -> Product:
    return Product(declared.id, declared.name, subscription_required=declared.subscription_required)


def _denied(reason: str, what: str, rest: str) -> Failure:
    failure = Failure(f"SubscriptionKey{reason}", f"Access denied due to {what} subscription key. {rest}", 401)
    failure.source = "authorization"
    return failure
