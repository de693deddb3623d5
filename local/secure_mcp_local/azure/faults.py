"""What the services of Azure do on a bad day.

The gateway and the hosts meet it; a browser reaches Entra ID's sign-in page beside it, as before.
"""

import json

from apim_policies.network import Fault

_HTML = ("content-type", "text/html; charset=utf-8")
_JSON = ("content-type", "application/json")

_ENTRA_ERROR_PAGE = """<!DOCTYPE html>
<html><head><title>Service Unavailable</title></head>
<body><h2>Our services aren't available right now</h2>
<p>We're working to restore all services as soon as possible. Please check back soon.</p></body></html>
"""

PUBLISHING = {
    "fail": "the package is accepted, and the deployment fails afterwards",
    "lose": "the package is accepted and deployed, but the answer is lost",
    "early": "the app's identity may not write the package yet: its role is not in force (two attempts)",
    "forbid": "403, as right after a change of access (two attempts)",
    "busy": "409, another deployment is in progress (two attempts)",
    "unavailable": "503, Site Unavailable (two attempts)",
    "retype": "415, a wrong content type",
    "recycle": "the worker is recycled before the end is seen: 404 (once)",
    "empty": "the deployment succeeds, and the app has no functions",
    "hide": "the deployment endpoint cannot be reached from this machine",
}
"""What goes wrong while code is published to a function app; what is said to pass passes by itself."""

FAULTS = (
    Fault("entra-slow", "entra", "Entra ID answers the gateway after 60 seconds.", delay=60),
    Fault(
        "entra-down",
        "entra",
        "The gateway's connections to Entra ID are refused.",
        refuse=True,
    ),
    Fault(
        "entra-error-page",
        "entra",
        "Entra ID's front door answers the gateway 503 with an HTML page.",
        status=503,
        headers=(_HTML,),
        body=_ENTRA_ERROR_PAGE,
    ),
    Fault(
        "tenant-consent",
        "tenant",
        "Nobody's consent counts for tokens of other APIs but the user's own: AADSTS65001.",
    ),
    Fault(
        "tenant-conditional-access",
        "tenant",
        "Tokens of other APIs need the authentication context c1, which a sign-in meets when it is asked to: AADSTS50076 with claims.",
    ),
    Fault(
        "tenant-conditional-access-unmet",
        "tenant",
        "Tokens of other APIs need the authentication context c1, which no sign-in meets: AADSTS50079 with claims.",
    ),
    Fault(
        "cosmos-429",
        "cosmos",
        "Cosmos DB throttles every request: 429 with x-ms-retry-after-ms.",
        status=429,
        headers=(_JSON, ("x-ms-retry-after-ms", "1000"), ("x-ms-substatus", "3200")),
        body=json.dumps(
            {
                "code": "429",
                "message": "Request rate is large. More Request Units may be needed.",
            }
        ),
    ),
    Fault(
        "cosmos-503",
        "cosmos",
        "Cosmos DB is unavailable: 503.",
        status=503,
        headers=(_JSON,),
        body=json.dumps({"code": "ServiceUnavailable", "message": "Service is currently unavailable, please retry."}),
    ),
    Fault("cosmos-timeout", "cosmos", "Cosmos DB answers after 120 seconds.", delay=120),
    Fault(
        "cosmos-lost",
        "cosmos",
        "Cosmos DB does what it is asked, but its answer never arrives.",
        lose_answer=True,
    ),
    Fault(
        "functions-cold",
        "functions",
        "The function app starts: each answer takes 10 seconds longer.",
        delay=10,
    ),
    Fault("functions-down", "functions", "Nobody answers at the function app's address.", refuse=True),
    Fault(
        "functions-401",
        "functions",
        "The function app refuses the gateway: 401.",
        status=401,
        headers=(("www-authenticate", 'Bearer realm="the-function-app"'),),
        body="You do not have permission to view this directory or page.",
    ),
    Fault(
        "functions-500",
        "functions",
        "The function app answers 500 with details that are nobody's business.",
        status=500,
        headers=(("content-type", "text/plain; charset=utf-8"),),
        body="Traceback (most recent call last): secret-of-the-backend\n",
    ),
    Fault(
        "functions-drop",
        "functions",
        "The function app's connection breaks in the middle of an answer.",
        drop=True,
    ),
    Fault(
        "graph-503",
        "graph",
        "Microsoft Graph is unavailable: 503.",
        status=503,
        headers=(_JSON, ("retry-after", "10")),
        body=json.dumps(
            {"error": {"code": "serviceNotAvailable", "message": "The service is temporarily unavailable."}}
        ),
    ),
    Fault(
        "identity-unavailable",
        "identity",
        "The gateway gets no token for its managed identity.",
        refuse=True,
    ),
    *(Fault(f"publish-{kind}", "publish", f"Publishing code: {said}.") for kind, said in PUBLISHING.items()),
)
"""Every fault that can be switched on: `entra`, `cosmos`, `graph` and `functions` are hosts; `identity` is the managed identity endpoint
and `tenant` what an administrator decides in Entra ID, which have none; `publish` is the deployment endpoint of function apps, which does
itself what the fault says."""
