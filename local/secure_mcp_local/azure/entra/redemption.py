"""The token endpoint: codes and refresh tokens become tokens.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow#request-an-access-token
"""

import base64
import hashlib
import re
import secrets
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from secure_mcp_local.azure.entra import forms, permissions
from secure_mcp_local.azure.entra.assertions import authenticate
from secure_mcp_local.azure.entra.delegation import ON_BEHALF_OF, agree, assertion, require_contexts
from secure_mcp_local.azure.entra.directory import GRAPH, Application
from secure_mcp_local.azure.entra.grants import Code, Grant, RefreshToken, revoked
from secure_mcp_local.azure.entra.pages import PRIVATE
from secure_mcp_local.azure.entra.permissions import Permissions
from secure_mcp_local.azure.entra.refusal import Refusal, foreign_resource, missing
from secure_mcp_local.azure.entra.tenant import Tenant

_SECONDS = 3599
"""Lifetime of ID tokens and access tokens."""
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{1,128}")
"""RFC 7636 §4.1 says 43 to 128; Microsoft's own Azure-Samples/remote-mcp-apim-functions-python sends 32 and is answered."""


class TokenEndpoint:
    """`/oauth2/v2.0/token`."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    async def answer(self, request: Request) -> Response:
        """Answer a request, always with JSON."""
        try:
            self._tenant.require(str(request.path_params["tenant"]))
            form = await forms.form(request)
            content = self._redeem(form, basic="authorization" in request.headers)
            return JSONResponse(content, headers=PRIVATE)
        except Refusal as refusal:
            self._tenant.explain(refusal.explained())
            return JSONResponse(refusal.json(self._tenant.clock), refusal.status, headers=PRIVATE)

    def _redeem(self, form: Mapping[str, str], *, basic: bool) -> dict[str, Any]:
        if "resource" in form:
            raise foreign_resource()
        for parameter in ("grant_type", "client_id"):
            if not form.get(parameter):
                raise missing(parameter)
        if form["grant_type"] not in {"authorization_code", "refresh_token", ON_BEHALF_OF}:
            message = "The app requested an unsupported grant type."
            hint = f"the local Entra ID does not model grant_type {form['grant_type']}"
            raise Refusal(70003, message, "unsupported_grant_type", hint=hint)
        application = self._tenant.application(form["client_id"])
        authenticate(form, basic, application, self._tenant.issuer, self._tenant.clock)
        if form["grant_type"] == ON_BEHALF_OF:
            return self._delegated(form, application)
        by_code = form["grant_type"] == "authorization_code"
        redeemed = self._code(form, application) if by_code else self._refresh_token(form, application)
        grant = redeemed.grant
        self._tenant.admit(grant.user, application)
        if revoked(grant.user, grant.signed_in):
            message = "The provided grant has expired due to it being revoked, a fresh auth token is needed."
            raise Refusal(50173, message, "invalid_grant")
        granted = grant.permissions
        if form.get("scope"):
            granted = permissions.parse(form["scope"], application, self._tenant.directory)
            if not grant.permissions.covers(granted, application):
                message = "The provided value for the input parameter 'scope' is not valid."
                hint = "ask for no more than at the authorize endpoint"
                raise Refusal(70011, message, "invalid_scope", hint=hint)
        if isinstance(redeemed, Code):
            redeemed.used = True
        return self._tokens(application, grant, granted)

    def _code(self, form: Mapping[str, str], application: Application) -> Code:
        if not form.get("code"):
            raise missing("code")
        code = self._tenant.grants.code(form["code"])
        if code is None:
            raise Refusal(9002313, "Invalid request. Request is malformed or invalid.", "invalid_grant")
        if code.grant.client_id != application.client_id:
            message = "The provided authorization code is intended to use against another client."
            raise Refusal(70000, message, "invalid_grant")
        if code.used:
            message = "OAuth2 Authorization code was already redeemed, please retry with a new valid code."
            raise Refusal(54005, message, "invalid_grant")
        if code.expires <= self._tenant.clock.now():
            message = "The provided authorization code or refresh token has expired due to inactivity."
            raise Refusal(70008, message, "invalid_grant")
        if form.get("redirect_uri") != code.redirect_uri:
            message = (
                f"The reply address '{form.get('redirect_uri', '')}' does not match the reply address "
                f"'{code.redirect_uri}' provided when requesting Authorization code."
            )
            raise Refusal(500112, message, "invalid_client", status=401)
        verifier = form.get("code_verifier")
        if code.challenge is not None and not verifier:
            raise missing("code_verifier")
        if verifier is not None and not _VERIFIER.fullmatch(verifier):
            message = "The Code_Verifier is malformed: it has 1 to 128 letters, digits and -._~."
            raise Refusal(501481, message, "invalid_grant")
        if verifier is not None and _s256(verifier) != code.challenge:
            message = "The Code_Verifier does not match the code_challenge of the authorization request."
            raise Refusal(50148, message, "invalid_grant")
        return code

    def _refresh_token(self, form: Mapping[str, str], application: Application) -> RefreshToken:
        if not form.get("refresh_token"):
            raise missing("refresh_token")
        token = self._tenant.grants.refresh_token(form["refresh_token"])
        if token is None or token.grant.client_id != application.client_id:
            raise Refusal(9002313, "Invalid request. Request is malformed or invalid.", "invalid_grant")
        if token.expires <= self._tenant.clock.now():
            raise Refusal(700082, "The refresh token has expired due to inactivity.", "invalid_grant")
        return token

    def _delegated(self, form: Mapping[str, str], application: Application) -> dict[str, Any]:
        """A token of another API, in the name of the user whose token of this application is the assertion."""
        given = assertion(form, application, self._tenant)
        asked = permissions.parse(form.get("scope"), application, self._tenant.directory)
        agree(given.user, asked, application, self._tenant)
        require_contexts(given.contexts, self._tenant)
        grant = Grant(application.client_id, given.user, asked, given.issued, None, given.contexts)
        answer = self._tokens(application, grant, asked)
        return {name: value for name, value in answer.items() if name != "id_token"}

    def _tokens(self, application: Application, grant: Grant, granted: Permissions) -> dict[str, Any]:
        now = int(self._tenant.clock.now())
        user, issuer = grant.user, self._tenant.issuer
        common: dict[str, Any] = {
            "iss": issuer.issuer,
            "iat": now,
            "nbf": now,
            "exp": now + _SECONDS,
            "oid": user.oid,
            "tid": self._tenant.directory.tenant,
            # The same user has another `sub` at every application.
            "sub": _s256(f"{application.client_id} {user.oid}"),
            "uti": secrets.token_urlsafe(16),
            "ver": "2.0",
        }
        access = {
            **common,
            "aud": granted.resource,
            "azp": application.client_id,
            "scp": self._scp(application, granted),
        }
        if grant.contexts:
            access["acrs"] = sorted(grant.contexts)
        if granted.resource == GRAPH and granted.names:
            # Microsoft Graph takes tokens of version 1.0.
            access |= {"iss": f"https://sts.windows.net/{self._tenant.directory.tenant}/", "ver": "1.0"}
            access["appid"] = access.pop("azp")
        target = self._tenant.directory.application(granted.resource)
        # The roles that the user has at the resource: https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
        if target is not None and (roles := target.roles(self._tenant.principals(user, target))):
            access["roles"] = roles
        answer: dict[str, Any] = {
            "token_type": "Bearer",
            "scope": granted.scope,
            "expires_in": _SECONDS,
            "ext_expires_in": _SECONDS,
            "access_token": issuer.sign(access),
        }
        if "offline_access" in granted.openid:
            answer["refresh_token"] = self._tenant.grants.issue_refresh_token(grant)
        if "openid" in granted.openid:
            identity = {**common, "aud": application.client_id}
            if grant.nonce is not None:
                identity["nonce"] = grant.nonce
            if "profile" in granted.openid:
                identity |= {"name": user.name, "preferred_username": user.user_principal_name}
            if "email" in granted.openid:
                identity["email"] = user.user_principal_name
            if roles := application.roles(self._tenant.principals(user, application)):
                identity["roles"] = roles
            answer["id_token"] = issuer.sign(identity)
        return answer

    @staticmethod
    def _scp(application: Application, granted: Permissions) -> str:
        """The permissions of the resource alone; `.default` stands for all that are granted."""
        names = application.standing(granted.resource) if granted.default else granted.names
        return " ".join(sorted(names)) or granted.scope


def _s256(text: str) -> str:
    digest = hashlib.sha256(text.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
