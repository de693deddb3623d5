"""The authorize endpoint: a user signs in, agrees, and is sent back with a code.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow
"""

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from secure_mcp_local.azure.entra import forms, permissions
from secure_mcp_local.azure.entra.directory import Application
from secure_mcp_local.azure.entra.grants import Grant
from secure_mcp_local.azure.entra.pages import PRIVATE, Pages
from secure_mcp_local.azure.entra.permissions import Permissions
from secure_mcp_local.azure.entra.refusal import Refusal, foreign_resource, missing
from secure_mcp_local.azure.entra.tenant import Tenant
from secure_mcp_local.azure.entra.users import User

COOKIE = "ESTSAUTH"
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True)
class _SignIn:
    """An authorization request that is answered by a redirect, for better or worse."""

    application: Application
    redirect_uri: str
    state: str | None
    permissions: Permissions
    nonce: str | None
    challenge: str | None
    prompt: str | None
    contexts: frozenset[str]
    """Authentication contexts that the application wants met."""

    @property
    def consents(self) -> set[tuple[str, str]]:
        """What the user agrees to by going on."""
        return {(self.application.client_id, n) for n in self.permissions.openid | self.permissions.names}


class AuthorizationEndpoint:
    """`/oauth2/v2.0/authorize`."""

    def __init__(self, tenant: Tenant, pages: Pages, address: str) -> None:
        """`address`: where browsers find Entra ID."""
        self._tenant = tenant
        self._pages = pages
        self._address = address

    async def answer(self, request: Request) -> Response:
        """Answer a request: GET asks or sends back, POST is the answer to the sign-in page."""
        try:
            self._tenant.require(str(request.path_params["tenant"]))
            parameters = forms.query(request)
            application, redirect_uri = self._addressee(parameters)
            choice = await self._choice(request)
        except Refusal as refusal:
            return self._error(refusal, request)
        try:
            sign_in = self._sign_in(application, redirect_uri, parameters)
            return self._decide(sign_in, choice, request)
        except Refusal as refusal:
            # Asking without a page whether there is a sign-in, and not wanting to, are answers as well as any.
            quiet = refusal.code in {50058, 65004}
            answer = {"error": refusal.error, "error_description": str(refusal)}
            if refusal.subcode:
                answer["error_subcode"] = refusal.subcode
            response = _redirect(redirect_uri, answer, parameters.get("state"))
            if not quiet:
                location = response.headers["location"]
                self._tenant.explain(refusal.explained(asked=str(request.url), answered=location))
            return response

    def _error(self, refusal: Refusal, request: Request, *, again: str = "") -> Response:
        self._tenant.explain(refusal.explained(asked=str(request.url)))
        return self._pages.error(refusal, again=again)

    def _addressee(self, parameters: Mapping[str, str]) -> tuple[Application, str]:
        """Who asked, and where the answer goes: only when both are declared may it be a redirect."""
        if not (client_id := parameters.get("client_id")):
            raise missing("client_id")
        application = self._tenant.application(client_id)
        if not (redirect_uri := parameters.get("redirect_uri")):
            raise missing("redirect_uri")
        if redirect_uri not in application.redirect_uris:
            raise Refusal(
                50011,
                f"The redirect URI '{redirect_uri}' specified in the request does not match the redirect "
                f"URIs configured for the application '{application.client_id}'.",
                "invalid_request",
                expected=f"{application.name} to have the redirect URI {redirect_uri}",
                declared=", ".join(sorted(application.redirect_uris)) or "none",
            )
        return application, redirect_uri

    async def _choice(self, request: Request) -> dict[str, str]:
        """The sign-in page's fields, empty for a GET."""
        if request.method != "POST":
            return {}
        origin = request.headers.get("origin", self._origin)
        # A page that sends no referrer makes browsers write `null` as the form's origin.
        if origin not in {self._origin, "null"}:
            raise Refusal(90100, f"The form was sent from another site: {origin}", "access_denied", status=403)
        return await forms.form(request)

    def _sign_in(self, application: Application, redirect_uri: str, parameters: Mapping[str, str]) -> _SignIn:
        if "resource" in parameters:
            raise foreign_resource()
        if not (response_type := parameters.get("response_type")):
            raise missing("response_type")
        if response_type != "code":
            message = f"response_type '{response_type}' is not enabled for the application."
            raise Refusal(700054, message, "unsupported_response_type")
        if (mode := parameters.get("response_mode", "query")) != "query":
            message = f"The local Entra ID models the response_mode query only, not '{mode}'."
            raise Refusal(90023, message, "invalid_request")
        challenge = parameters.get("code_challenge")
        if challenge is None and "code_challenge_method" in parameters:
            raise missing("code_challenge")
        if challenge is not None and parameters.get("code_challenge_method") != "S256":
            message = "The local Entra ID models the code_challenge_method S256 only."
            raise Refusal(501491, message, "invalid_request")
        if challenge is not None and not _CHALLENGE.fullmatch(challenge):
            raise Refusal(501491, "Invalid size of Code_Challenge parameter.", "invalid_request")
        prompt = parameters.get("prompt") or None
        if prompt not in {None, "none", "login", "select_account", "consent"}:
            raise Refusal(90023, f"Unsupported 'prompt' value '{prompt}'.", "invalid_request")
        return _SignIn(
            application=application,
            redirect_uri=redirect_uri,
            state=parameters.get("state"),
            permissions=permissions.parse(parameters.get("scope"), application, self._tenant.directory),
            nonce=parameters.get("nonce"),
            challenge=challenge,
            prompt=prompt,
            contexts=_contexts(parameters.get("claims")),
        )

    def _decide(self, sign_in: _SignIn, choice: Mapping[str, str], request: Request) -> Response:
        """Ask who the user is, or send them back with a code.

        Raises:
            Refusal: the application hears of it.
        """
        if choice.get("user") == "cancel":
            message = "User declined to consent to access the app."
            raise Refusal(65004, message, "access_denied", subcode="cancel")
        chosen = next((user for user in self._tenant.users if user.id == choice.get("user")), None)
        session = self._tenant.grants.session(request.cookies.get(COOKIE))
        silent = sign_in.prompt == "none"
        if chosen is not None:
            user, signed_in = chosen, self._tenant.clock.now()
        elif session is not None and not choice and sign_in.prompt in {None, "none"} and not sign_in.contexts:
            user, signed_in = session.user, session.started
        elif silent:
            message = "Session information is not sufficient for single-sign-on."
            raise Refusal(50058, message, "login_required")
        else:
            return self._page(sign_in)
        try:
            self._tenant.admit(user, sign_in.application)
            agreed = self._agreed(user, sign_in)
        except Refusal as refusal:
            if silent:
                raise Refusal(refusal.code, refusal.message, "interaction_required") from refusal
            # Shown to the user and to nobody else: the application never hears of it.
            again = urlencode({**request.query_params, "prompt": "select_account"})
            return self._error(refusal, request, again=f"?{again}")
        if chosen is None and not agreed:
            if silent:
                raise Refusal(65001, "The user or administrator has not consented.", "consent_required")
            return self._page(sign_in)
        user.consented.update(sign_in.consents)
        if sign_in.prompt == "consent":
            user.consented.update(self._combined(sign_in))
        met = frozenset[str]() if "tenant-conditional-access-unmet" in self._tenant.faults else sign_in.contexts
        grant = Grant(sign_in.application.client_id, user, sign_in.permissions, signed_in, sign_in.nonce, met)
        code = self._tenant.grants.issue_code(grant, sign_in.redirect_uri, sign_in.challenge)
        answer = {"code": code, "session_state": str(uuid.uuid4())}
        response = _redirect(sign_in.redirect_uri, answer, sign_in.state)
        if chosen is not None:
            response.set_cookie(
                COOKIE,
                self._tenant.grants.start_session(chosen),
                # Cookies do not know ports, and the gateway is on the same host: the path keeps them apart.
                path=f"/{self._tenant.directory.tenant}",
                httponly=True,
                samesite="lax",
                secure=self._origin.startswith("https:"),
            )
        return response

    def _combined(self, sign_in: _SignIn) -> set[tuple[str, str]]:
        """What the resource itself needs of others, which is asked for with what the application needs where the resource knows it.

        https://learn.microsoft.com/entra/identity-platform/v2-oauth2-on-behalf-of-flow#default-and-combined-consent
        """
        resource = self._tenant.directory.application(sign_in.permissions.resource)
        if (
            resource is None
            or sign_in.application.client_id not in resource.known_clients
            or not sign_in.permissions.default
        ):
            return set()
        return {(resource.client_id, f"{api}/{name}") for api, names in resource.configured.items() for name in names}

    def _agreed(self, user: User, sign_in: _SignIn) -> bool:
        """Whether consent was given before.

        Raises:
            Refusal: it was not, and this user may not give it.
        """
        application, asked = sign_in.application, sign_in.permissions
        if asked.granted(application):
            return True
        if application.assignment_required:
            # No user can consent to an application that requires assignment, whatever else the tenant allows:
            # https://learn.microsoft.com/entra/identity/enterprise-apps/admin-consent-workflow-faq
            raise Refusal(
                90094,
                f"An administrator has set a policy that prevents you from granting {application.name} the "
                "permissions it is requesting. Contact an administrator, who can grant permissions to this "
                "app on your behalf.",
                "access_denied",
                hint="with appRoleAssignmentRequired an administrator must consent for everybody; declare a "
                f"ServicePrincipalDelegatedPermissionGrant: {' '.join(sorted(asked.openid | asked.names))}",
                expected=f"an administrator's consent to {' '.join(sorted(asked.openid | asked.names))}",
                declared=" ".join(sorted({name for names in application.granted.values() for name in names}))
                or "no grant",
            )
        return sign_in.consents <= user.consented

    def _page(self, sign_in: _SignIn) -> Response:
        application = sign_in.application
        people: list[dict[str, object]] = [
            {
                "id": user.id,
                "name": user.name,
                "user_principal_name": user.user_principal_name,
                "enabled": user.enabled,
                "admitted": application.admits(self._tenant.principals(user, application)),
            }
            for user in self._tenant.users
        ]
        return self._pages.sign_in(application.name, sign_in.permissions, people)

    @property
    def _origin(self) -> str:
        scheme, _, rest = self._address.partition("://")
        return f"{scheme}://{rest.partition('/')[0]}"


def _contexts(claims: str | None) -> frozenset[str]:
    """Authentication contexts that a `claims` parameter asks for (OpenID Connect Core, section 5.5).

    https://learn.microsoft.com/entra/identity-platform/developer-guide-conditional-access-authentication-context

    Raises:
        Refusal: it is not the JSON of an object.
    """
    try:
        wanted: Any = json.loads(claims or "{}")
        acrs = (wanted.get("access_token") or {}).get("acrs") or {}
        return frozenset(str(one) for one in (acrs.get("values") or [acrs["value"]] if acrs else ()))
    except (ValueError, AttributeError, KeyError, TypeError):
        message = "The claims parameter value is not valid JSON, or has no value that is known."
        raise Refusal(50012, message, "invalid_request") from None


def _redirect(uri: str, parameters: Mapping[str, str], state: str | None) -> Response:
    """Back to the application; its own query is kept, and its state comes back as it was."""
    added = urlencode(parameters if state is None else {**parameters, "state": state})
    return RedirectResponse(f"{uri}{'&' if '?' in uri else '?'}{added}", 302, headers=PRIVATE)
