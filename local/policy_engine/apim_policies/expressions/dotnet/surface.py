"""Which members the types that API Management admits have in .NET, modelled here or not.

`surface.txt` has three lines for each type: its name and the types whose members it has as well, its members, its static
members. A number behind a name says how many overloads there are. Both .NET Framework 4.8 and .NET Core 3.1 count, so that
nothing is called missing that one of them has.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_OBJECT = {"Equals": 2, "GetHashCode": 1, "GetType": 1, "ToString": 1, "ReferenceEquals": 1, "MemberwiseClone": 1}
_OPEN = frozenset(
    # Their bases are not on the list, so that not all of their members are known.
    {
        "StringReader",
        "StringWriter",
        "RNGCryptoServiceProvider",
        "X500DistinguishedName",
        "Nullable",
        "Tuple",
        "Extensions",
    }
)


@dataclass(frozen=True)
class Surface:
    """What one type has: names with the numbers of their overloads."""

    members: Mapping[str, int]
    statics: Mapping[str, int]


@cache
def _types() -> dict[str, tuple[list[str], Surface]]:
    lines = Path(__file__).with_name("surface.txt").read_text(encoding="ascii").splitlines()
    found: dict[str, tuple[list[str], Surface]] = {}
    for head, members, statics in zip(lines[::3], lines[1::3], lines[2::3], strict=True):
        name, _, bases = head.partition(" :")
        found[name] = (bases.split(), Surface(_counted(members), _counted(statics)))
    return found


def _counted(line: str) -> dict[str, int]:
    parts = (word.partition("*") for word in line.split())
    return {name: int(count or 1) for name, _, count in parts}


@cache
def surface(name: str) -> Surface | None:
    """What a type has with what its bases have; None if that is not known.

    Args:
        name: As the binder has it: `string`, `[]`, `JObject`.
    """
    name = {"[]": "Array"}.get(name, name)
    if name not in _types() or name in _OPEN:
        return None
    members, statics = dict(_OBJECT), dict(_OBJECT)
    waiting, seen = [name], {name}
    while waiting:
        bases, own = _types()[waiting.pop()]
        members = {**members, **{key: members.get(key, 0) + count for key, count in own.members.items()}}
        statics = {**statics, **{key: statics.get(key, 0) + count for key, count in own.statics.items()}}
        further = [base for base in bases if base not in seen]
        waiting += further
        seen |= set(further)
    return Surface(members, statics)


@cache
def extensions() -> frozenset[str]:
    """Names of the extension methods that some type has: they are never called missing."""
    of_sequences = _types()["Enumerable"][1].statics
    return frozenset(of_sequences) | _EXTENSIONS


_EXTENSIONS = frozenset(
    {
        # Newtonsoft.Json.Linq.Extensions and System.Xml.Linq.Extensions
        "Value", "Values", "Children", "Ancestors", "AncestorsAndSelf", "Descendants", "DescendantsAndSelf", "Properties",
        "AsJEnumerable", "Attributes", "DescendantNodes", "DescendantNodesAndSelf", "Elements", "InDocumentOrder", "Nodes",
        "Remove", "IsNullOrEmpty",
        # of .NET's own collections
        "GetValueOrDefault", "TryAdd", "AsMemory", "AsSpan", "CopyTo", "IsNormalized", "Normalize", "AsQueryable",
        "AsParallel", "GetRSAPrivateKey", "GetRSAPublicKey", "CopyWithPrivateKey", "GetECDsaPrivateKey", "GetECDsaPublicKey",
        # of API Management
        "AsBasic", "TryParseBasic", "AsJwt", "TryParseJwt", "Encrypt", "Decrypt", "VerifyNoRevocation", "ToQueryString",
        "ToFormUrlEncodedContent", "ToUri",
    }
)  # fmt: skip

DOCUMENTED: Mapping[str, frozenset[str]] = {
    name: frozenset(members.split())
    for name, members in {
        "IProxyRequestContext": "Api Backend Deployment Elapsed GraphQL LastError Operation Product Request RequestId Response "
        "Subscription Timestamp Tracing User Variables Workspace Trace",
        "IRequest": "Body Certificate Foundry Headers IpAddress MatchedParameters Method OriginalUrl Url "
        "PrivateEndpointConnection AzureVnetInfo",
        "IResponse": "Body Headers StatusCode StatusReason",
        "IUrl": "Host Path Port Query QueryString Scheme ToUri",
        "IApi": "Id IsCurrentRevision Name Path Revision ServiceUrl Version Protocols SubscriptionKeyParameterNames Type "
        "Workspace",
        "IOperation": "Id Method Name UrlTemplate",
        "IDeployment": "Gateway GatewayId Region ServiceId ServiceName SustainabilityInfo Certificates",
        "IGateway": "Id InstanceId IsManaged",
        "ILastError": "Source Reason Message Scope Section Path PolicyId HttpErrorCode",
        "IMessageBody": "As AsFormUrlEncodedContent",
        "IUser": "Email FirstName Groups Id Identities LastName Note RegistrationDate",
        "IGroup": "Id Name",
        "IUserIdentity": "Id Provider",
        "IProduct": "ApprovalRequired Groups Id Name State SubscriptionLimit SubscriptionRequired Apis Workspace",
        "ISubscription": "CreatedDate EndDate Id Key Name PrimaryKey SecondaryKey StartDate",
        "ISubscriptionKeyParameterNames": "Header Query",
        "Jwt": "Algorithm Audiences Audience Claims ExpirationTime Id Issuer IssuedAt NotBefore Subject Type",
        "Headers": "ContainsKey Count GetValueOrDefault Keys TryGetValue Values GetEnumerator",
        "Query": "ContainsKey Count GetValueOrDefault Keys TryGetValue Values GetEnumerator",
        "Variables": "ContainsKey Count GetValueOrDefault Keys TryGetValue Values GetEnumerator",
        "Claims": "ContainsKey Count GetValueOrDefault Keys TryGetValue Values GetEnumerator",
    }.items()
}
"""Members of API Management's own types.

https://learn.microsoft.com/azure/api-management/api-management-policy-expressions#ContextVariables
"""


def lacks(type: str, member: str, *, static: bool) -> bool:
    """Whether a type is known to have no such member."""
    if member in _OBJECT or (member in extensions() and not static):
        return False
    if (documented := DOCUMENTED.get(type)) is not None:
        return not static and member not in documented
    known = surface(type)
    if known is None:
        return False
    return member not in known.members and member not in known.statics
