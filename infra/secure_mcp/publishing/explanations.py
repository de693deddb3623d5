"""Why code could not be published, and what to do."""

import requests

from .answers import text_of
from .app import App


def unreachable(app: App, cause: str) -> str:
    return (
        f"this machine cannot reach {app.scm}: {cause}\nIf the app is private, pulumi up must run where its private "
        "endpoint can be reached and named: in the network or joined to it, with the DNS zone "
        "privatelink.azurewebsites.net. Everything else is deployed: run pulumi up again from there, or set deployCode to "
        "false and publish from there with python -m secure_mcp.publishing"
    )


def refused(app: App, answer: requests.Response) -> str:
    code, said = answer.status_code, text_of(answer)
    fix = {
        401: "the token was not accepted: sign in to the tenant of the app's subscription, and check this machine's clock",
        403: "whoever deploys needs the right to write to the site (Website Contributor), and a private app answers only "
        "through its private endpoint: run pulumi up from inside the network",
        404: "there is no deployment endpoint of a Flex Consumption app at this address",
        413: "the package is too large; leave out what the app does not need (.funcignore, requirements.in)",
        415: "the endpoint takes packages as application/zip only; something between here and there changed the type",
    }.get(code, "")
    return f"{app.scm} refuses the package: {code} {said}" + (f"\n{fix[0].upper()}{fix[1:]}" if fix else "")


def unavailable(app: App, answer: requests.Response) -> str:
    return f"{app.scm} is not available: {answer.status_code} {text_of(answer)}".rstrip()


def storage_refused(said: str) -> str:
    return (
        f"the platform cannot write the package to the app's deployment container yet: {said}\nA new role takes some "
        "minutes to be in force. If it stays so: the identity in functionAppConfig.deployment.storage needs Storage Blob "
        "Data Contributor on the container, and the account a way in for the app"
    )


def hint(said: str) -> str:
    # https://github.com/Azure/azure-functions-vs-build-sdk/pull/656
    if "is not supported" in said and "etting" in said:
        return "\nRemove that app setting: Flex Consumption refuses it"
    return ""
