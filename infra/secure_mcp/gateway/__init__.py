"""What servers share: API Management, the authorization server, the session store, the sign-in application."""
