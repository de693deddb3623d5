"""What the gateway makes of a request before a policy sees it: its path, query, headers and address."""

from secure_mcp_local.unknowns.policies import TWO_COOKIES_OPERATION
from secure_mcp_local.unknowns.question import Gateway, Operation, Probe, Question, said

_SEGMENTS = Operation("segments", said('@(context.Request.MatchedParameters["name"])'), template="/segments/{name}")


def _connection(gateway: Gateway) -> str:
    headers = {"Connection": "x-mcp-user-oid", "x-mcp-user-oid": "client"}
    answer = gateway.send("/connection", headers=headers)
    if not answer.is_success:
        return f"status {answer.status_code}"
    return {"policy": "what the policy sets arrives", "none": "what the policy sets is dropped"}.get(
        answer.text, f"the backend sees {answer.text}"
    )


CONNECTION_HEADER = Question(
    name="connection-header",
    text="What does `Connection: x-mcp-user-oid` from a client do to the header of that name that a policy sets?",
    belief="what the policy sets arrives",
    matters="the verified user's headers for the server: a client must not be able to have them dropped (policies/mcp/api.xml)",
    source="RFC 9110, section 7.6.1: the gateway takes away what the client names, before a policy runs",
    by_hand="set the header in a policy, forward to an echo, and call with that Connection header over HTTP/1.1",
    probe=Probe(
        [
            Operation(
                "connection",
                """        <set-header name="x-mcp-user-oid" exists-action="override">
            <value>policy</value>
        </set-header>
        <rewrite-uri template="/connection-echo" copy-unmatched-params="false" />""",
            ),
            Operation(
                "connection-echo", said('@(context.Request.Headers.GetValueOrDefault("x-mcp-user-oid", "none"))')
            ),
        ],
        _connection,
    ),
)


def _address(gateway: Gateway) -> str:
    text = gateway.send("/ip-address", headers={"X-Forwarded-For": "203.0.113.7"}).text
    return "X-Forwarded-For is believed" if text == "203.0.113.7" else "the direct peer"


IP_ADDRESS = Question(
    name="ip-address",
    text="Is `context.Request.IpAddress` the direct peer, or what X-Forwarded-For says? With `--via`: behind Front Door?",
    belief="the direct peer",
    matters="limits by address (policies/oauth/api.xml): behind a proxy all callers share one, or could choose one",
    source="learn.microsoft.com/azure/api-management/rate-limit-by-key-policy",
    by_hand="answer with `context.Request.IpAddress`, once directly and once through Front Door",
    probe=Probe([Operation("ip-address", said("@(context.Request.IpAddress)"))], _address),
)


def _address_form(gateway: Gateway) -> str:
    return gateway.send("/address-form").text


ADDRESS_FORM = Question(
    name="address-form",
    text="Does a v2 tier take calls over IPv6, and how does `context.Request.IpAddress` write such an address? With `--via`: of a proxy that calls over it?",
    belief="a bare IPv4 address",
    matters="limits by address (address_counter in policies/macros.jinja): they read every form of RFC 4291; what has a port or is no address shares one counter",
    source="learn.microsoft.com/azure/api-management/api-management-howto-ip-addresses shows IPv4 addresses alone, and says of IPv6 nothing",
    by_hand="look for an AAAA record of the gateway's name; where there is one, answer with `context.Request.IpAddress` over IPv6",
    probe=Probe(
        [
            Operation(
                "address-form",
                said(
                    """@{
            IPAddress address;
            if (!IPAddress.TryParse(context.Request.IpAddress, out address))
            {
                return "no address: " + context.Request.IpAddress;
            }
            return context.Request.IpAddress != address.ToString() ? "another form: " + context.Request.IpAddress : address.GetAddressBytes().Length == 4 ? "a bare IPv4 address" : "a bare IPv6 address";
        }"""
                ),
            )
        ],
        _address_form,
    ),
)


def _encoded_slash(gateway: Gateway) -> str:
    answer = gateway.send("/segments/a%2Fb")
    if answer.status_code == 404:
        return "it ends the segment"
    return {"a%2Fb": "it stays as it is", "a/b": "it is decoded in the parameter"}.get(
        answer.text, f"status {answer.status_code}: {answer.text[:40]}"
    )


ENCODED_SLASH = Question(
    name="encoded-slash",
    text="What is `%2F` in a segment of the path?",
    belief="it stays as it is",
    matters="which operation a request belongs to, and so which policies run (routes of the OAuth and MCP APIs)",
    source="no documentation",
    by_hand="call `/segments/a%2Fb` of an operation `/segments/{name}` that answers with the parameter",
    probe=Probe([_SEGMENTS], _encoded_slash),
)


def _dot_segments(gateway: Gateway) -> str:
    answer = gateway.send("/segments/../two-cookies")
    cookies = answer.headers.get_list("set-cookie")
    return "they are resolved" if cookies else f"they are not resolved (status {answer.status_code})"


DOT_SEGMENTS = Question(
    name="dot-segments",
    text="Are `..` segments of a path resolved before an operation is chosen?",
    belief="they are not resolved (status 404)",
    matters="as with encoded slashes",
    source="no documentation",
    by_hand="`curl --path-as-is https://…/segments/../two-cookies`",
    probe=Probe([_SEGMENTS, TWO_COOKIES_OPERATION], _dot_segments),
)


def _query_limit(gateway: Gateway) -> str:
    status = gateway.send("/segments/any", query="q=" + "x" * 3000).status_code
    return "it is taken" if status == 200 else f"status {status}"


QUERY_LIMIT = Question(
    name="query-limit",
    text="What happens to a query of more than 2,048 bytes on a v2 tier?",
    belief="status 414",
    matters="Entra ID's code and our state come back in a query (policies/oauth/oauth-callback.xml)",
    source="learn.microsoft.com/azure/api-management/service-limits; the status is not documented, nor any case of it",
    by_hand="call anything with a query of 3,000 bytes",
    probe=Probe([_SEGMENTS], _query_limit),
)


def _slash(gateway: Gateway) -> str:
    without, with_one = gateway.send("").text, gateway.send("/").text
    if without != "root":
        return "the operation / is not found without the slash"
    return "both are the operation /" if with_one == "root" else "only the path without the slash is"


TRAILING_SLASH = Question(
    name="trailing-slash",
    text="Are an API's path with and without a slash at its end both its operation `/`?",
    belief="both are the operation /",
    matters="clients whose users typed `/mcp/` (infra/secure_mcp/server/mcp_api.py declares `/` alone)",
    source="learn.microsoft.com/azure/api-management/api-management-howto-add-operations does not say",
    by_hand="call the path of an API with an operation `/`, with and without a slash at its end",
    probe=Probe([Operation("root", said("root"), template="/")], _slash),
)
