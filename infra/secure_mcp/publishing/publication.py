"""One publication of a package, by the protocol that Microsoft's own tools speak with Flex Consumption apps.

Sources: Azure/azure-dev `cli/azd/pkg/azsdk/funcapp_host_client.go`, Azure/azure-cli `appservice/custom.py`
(`enable_zip_deploy_flex`), Azure/azure-functions-core-tools `PublishFunctionAppAction.cs`. Where a number stands, its source is
beside it.
"""

import json
import time
import uuid
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any, Protocol, cast

import requests

from .failure import PublishingError

Say = Callable[[str], None]
"""Tells the user what happens."""

_API_VERSION = "2024-04-01"
"""Of Microsoft.Web, for the list of an app's functions."""
_CONNECT = 20
_ANSWER = 600
"""Seconds for one request: the package goes up within it."""

ACCESS = 60
"""Seconds for which 403 and 404 are retried: the site is new, or rights on it are.
https://github.com/Azure/azure-functions-core-tools/issues/4346"""
STORAGE = 600
"""Seconds for which the platform may fail to write the package: the role of the app's identity is not in force yet.
https://github.com/Azure/azure-dev/issues/8026"""
BUSY = 600
"""Seconds for which another deployment, or a site that does not answer, is waited for.
https://github.com/Azure/functions-action/issues/390"""
UNREACHABLE = 120
"""Seconds for which a name that does not resolve and a connection that fails are retried: the name may be seconds old."""
DEPLOYING = 1800
"""Seconds that a deployment may take once it is accepted."""
FUNCTIONS = 240
"""Seconds until the platform knows the functions. Microsoft's tools wait a minute and then ask for half of one."""

_FIRST_WAIT, _LONGEST_WAIT = 2.0, 20.0
_POLL = 1.0
"""Seconds between two looks at a deployment. Slower than every two, its end may be missed: the worker is recycled and the id is
unknown. https://github.com/Azure/azure-dev/issues/3658"""
_INITIAL_UNKNOWN = 4
"""Looks at the start at which a deployment may be unknown yet; the number is azd's."""
_REPORT = 30.0
"""Seconds between two lines of progress while nothing changes."""

_STORAGE_ERRORS = ("InaccessibleStorageException", "BlobUploadFailedException")


class Status(IntEnum):
    """`status` of a deployment. https://github.com/Azure/azure-dev/issues/3658"""

    CANCELLED = -1
    PENDING = 0
    BUILDING = 1
    DEPLOYING = 2
    FAILED = 3
    SUCCESS = 4
    CONFLICT = 5
    PARTIAL_SUCCESS = 6

    @property
    def under_way(self) -> bool:
        return self in {Status.PENDING, Status.BUILDING, Status.DEPLOYING}


class Clock(Protocol):
    """What waiting is measured and done with."""

    def now(self) -> float:
        """Seconds since some moment."""
        ...

    def sleep(self, seconds: float) -> None:
        """Waits."""
        ...


class _RealClock:
    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class Identity(Protocol):
    """Who publishes."""

    @property
    def arm(self) -> str:
        """Address of Azure Resource Manager."""
        ...

    def token(self) -> str:
        """A token for it, valid now."""
        ...


@dataclass(frozen=True)
class App:
    """A function app that code is published to."""

    id: str
    """ARM id of the function app."""
    scm: str
    """Address of its deployment endpoint, without a trailing slash: `https://` and the site's host name of type Repository."""

    @property
    def name(self) -> str:
        return self.id.rpartition("/")[2]


def scm_host(site: Mapping[str, Any]) -> str:
    """The host name of a site's deployment endpoint: the one of type Repository. With unique default host names it does not
    follow from the site's name.

    Args:
        site: Properties of the site, `hostNameSslStates` among them.

    Raises:
        PublishingError: it has none.
    """
    for state in _list(site.get("hostNameSslStates")):
        if state.get("hostType") == "Repository" and state.get("name"):
            return str(state["name"])
    raise PublishingError(
        f"Azure names no deployment endpoint of {site.get('name', 'the site')} (a host name of type Repository in "
        "hostNameSslStates), so its code cannot be published; run pulumi up --refresh, or set deployCode to false"
    )


def app_of(id: str, deployer: Identity) -> App:
    """The app with an ARM id, as Azure describes it.

    Raises:
        PublishingError: there is none, or it may not be read.
    """
    try:
        answer = requests.get(
            f"{deployer.arm}{id}",
            params={"api-version": _API_VERSION},
            headers={"Authorization": f"Bearer {deployer.token()}"},
            timeout=(_CONNECT, _ANSWER),
        )
    except requests.RequestException as error:
        raise PublishingError(f"{deployer.arm} cannot be reached: {_cause(error)}") from None
    if answer.status_code != requests.codes.ok:
        raise PublishingError(f"{id or 'the app'} cannot be read: {answer.status_code} {_text(answer)}")
    properties: object = _object(answer).get("properties")
    site = cast("Mapping[str, Any]", properties) if isinstance(properties, dict) else {}
    return App(id, f"https://{scm_host(site)}")


def publish(
    package: Path,
    digest: str,
    app: App,
    deployer: Identity,
    say: Say,
    clock: Clock | None = None,
) -> list[str]:
    """Deploys a package and waits until the app has functions.

    Args:
        package: The zip, complete: nothing is built on the other side.
        digest: Of its content, for people who look at the app's deployments.
        app: Where it goes.
        deployer: Who publishes.
        say: Called with each step.
        clock: Another one than this machine's, for tests.

    Returns:
        The names of the functions.

    Raises:
        PublishingError: it cannot be reached, refuses, fails, or has no function afterwards.
    """
    return _Publication(package, digest, app, deployer, say, clock or _RealClock()).run()


class _Unknown(Exception):
    """How a deployment ended cannot be seen."""

    def __init__(self, seen: bool) -> None:
        super().__init__()
        self.seen = seen
        """Whether it was seen at work."""


@dataclass(frozen=True)
class _Accepted:
    id: str
    """Of the deployment; `latest` where the endpoint names none."""
    done: bool = False
    """Whether the endpoint means that it is over already (200)."""


class _Again(Exception):
    """The package has to be sent again, after a while."""

    def __init__(self, kind: str, limit: float, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.kind, self.limit, self.after = kind, limit, after


class _Publication:
    def __init__(self, package: Path, digest: str, app: App, deployer: Identity, say: Say, clock: Clock) -> None:
        self._package, self._app, self._deployer, self._say, self._clock = package, app, deployer, say, clock
        # By it a deployment is recognised whose acceptance was not heard.
        self._message = f"secure-mcp {digest} {uuid.uuid4().hex[:12]}"
        self._session = requests.Session()
        self._since: dict[str, float] = {}

    def run(self) -> list[str]:
        size = self._package.stat().st_size / 1e6
        self._say(f"Publishing the code ({size:.1f} MB) to {self._app.name}")
        wait, lost, kind = _FIRST_WAIT, False, ""
        while True:
            try:
                self._follow(self._send())
                break
            except _Unknown as unknown:
                if lost and unknown.seen:
                    # azd takes it for an end, too, and a good one.
                    self._say("The deployment is not known any more, again: whether the app has functions decides")
                    break
                if lost:
                    raise PublishingError(
                        f"{self._app.name} accepts deployments and knows nothing of them afterwards; run pulumi up again"
                    ) from None
                lost = True
                self._say("The deployment is not known any more and may have ended in any way; publishing once more")
            except _Again as again:
                wait = min(wait * 2, _LONGEST_WAIT) if again.kind == kind else _FIRST_WAIT
                kind = again.kind
                self._pause(again, wait)
        return self._functions()

    def _pause(self, again: _Again, wait: float) -> None:
        """Waits before the next attempt.

        Raises:
            PublishingError: this reason has lasted for too long.
        """
        now = self._clock.now()
        began = self._since.setdefault(again.kind, now)
        if now - began >= again.limit:
            raise PublishingError(str(again)) from None
        self._say(f"{str(again).splitlines()[0]}\nTrying again, for {_spoken(again.limit - (now - began))} at most")
        self._clock.sleep(wait if again.after is None else again.after)

    def _send(self) -> _Accepted:
        """Sends the package.

        Raises:
            _Again: not accepted, for a reason that passes.
            PublishingError: not accepted.
        """
        url = f"{self._app.scm}/api/publish"
        query = {"RemoteBuild": "false", "Deployer": "secure-mcp", "message": self._message}
        headers = {"Content-Type": "application/zip", "Cache-Control": "no-cache"}
        try:
            with self._connecting(), self._package.open("rb") as body:
                answer = self._request("POST", url, params=query, headers=headers, data=body)
        except _Again as again:
            if again.kind == "answer" and self._own_is_latest():
                # It was accepted; only the answer got lost.
                return _Accepted("latest")
            raise
        match answer.status_code:
            case 202:
                return _Accepted(_deployment_id(answer))
            case 200:
                return _Accepted(_deployment_id(answer), done=True)
            case 409 | 502 | 504 if self._own_is_latest():
                # In front of the endpoint somebody did not wait for its answer.
                return _Accepted("latest")
            case 409:
                raise _Again("busy", BUSY, f"{self._app.name} is busy with another deployment (409)", _after(answer))
            case 400 if any(error in answer.text for error in _STORAGE_ERRORS):
                raise _Again("storage", STORAGE, self._storage_refused(_text(answer)), _after(answer))
            case 403 | 404:
                raise _Again("access", ACCESS, self._refused(answer), _after(answer))
            case 429 | 502 | 503 | 504:
                raise _Again("busy", BUSY, self._unavailable(answer), _after(answer))
            case _:
                raise PublishingError(self._refused(answer))

    def _follow(self, accepted: _Accepted) -> None:
        """Waits for the end of a deployment.

        Raises:
            _Again: it failed for a reason that passes.
            _Unknown: its end cannot be seen.
            PublishingError: it failed.
        """
        url = f"{self._app.scm}/api/deployments/{accepted.id}"
        began = said = self._clock.now()
        last: Mapping[str, Any] | None = None
        unknown, status = 0, None
        while True:
            try:
                with self._connecting():
                    answer = self._request("GET", url)
            except _Again as again:
                self._pause(again, _FIRST_WAIT)
                continue
            after = _after(answer)
            match answer.status_code:
                case 200 | 202:
                    last = _object(answer)
                    found = _status(last)
                    for kind in ("answer", "unreachable", "poll"):
                        self._since.pop(kind, None)
                    if found != status:
                        status = found
                        self._say(f"Deployment: {_named(found)}")
                        said = self._clock.now()
                    if not found.under_way:
                        self._ended(found, last)
                        return
                case 404 if last is None and not accepted.done and unknown < _INITIAL_UNKNOWN:
                    unknown += 1
                case 404:
                    # The worker was recycled. What it last said was that the deployment is under way.
                    if accepted.id != "latest" and self._own_is_latest():
                        self._follow(_Accepted("latest"))
                    elif not accepted.done:
                        raise _Unknown(seen=last is not None)
                    return
                case 401 | 403:
                    raise PublishingError(self._refused(answer))
                case _:
                    self._pause(_Again("poll", BUSY, self._unavailable(answer), after), _FIRST_WAIT)
                    continue
            now = self._clock.now()
            if now - began > DEPLOYING:
                raise PublishingError(
                    f"the deployment to {self._app.name} has not ended within {_spoken(DEPLOYING)} (status: "
                    f"{_named(status) if status is not None else 'unknown'}); look at its deployments in the portal, "
                    "then run pulumi up again"
                )
            if now - said >= _REPORT:
                said = now
                self._say(f"Still waiting, {_spoken(now - began)} so far")
            self._clock.sleep(_POLL if after is None else after)

    def _ended(self, status: Status, deployment: Mapping[str, Any]) -> None:
        if status is Status.SUCCESS:
            return
        said = "; ".join(self._explanation(deployment)) or "Azure gives no reason"
        if status is Status.CONFLICT:
            raise _Again("busy", BUSY, f"{self._app.name} is busy with another deployment: {said}")
        if any(error in said for error in _STORAGE_ERRORS):
            raise _Again("storage", STORAGE, self._storage_refused(said))
        raise PublishingError(f"the deployment to {self._app.name} ended as {_named(status)}: {said}{_hint(said)}")

    def _own_is_latest(self) -> bool:
        """Whether the newest deployment of the app is this one."""
        try:
            answer = self._request("GET", f"{self._app.scm}/api/deployments/latest")
        except requests.RequestException:
            return False
        return answer.status_code in {200, 202} and self._message in str(_object(answer).get("message"))

    def _explanation(self, deployment: Mapping[str, Any]) -> Iterator[str]:
        """What Azure says of a failure, the log last: there the cause stands where the text is only `Deployment Failed`."""
        if text := str(deployment.get("status_text") or "").strip():
            yield text
        summary: object = deployment.get("build_summary")
        if isinstance(summary, dict):
            for error in _list(cast("dict[str, Any]", summary).get("errors")):
                yield str(error)
        try:
            log = self._request("GET", f"{self._app.scm}/api/deployments/{deployment.get('id', 'latest')}/log")
            entries = _list(log.json()) if log.status_code == requests.codes.ok else []
        except (requests.RequestException, ValueError):
            entries = []
        for entry in entries[-6:]:
            if isinstance(entry, dict) and (text := str(cast("dict[str, Any]", entry).get("message") or "").strip()):
                yield text

    def _functions(self) -> list[str]:
        """Waits until the platform knows functions of the app.

        Raises:
            PublishingError: it has none, or does not say.
        """
        self._say("Deployed; waiting for the functions")
        url, began = f"{self._deployer.arm}{self._app.id}/functions", self._clock.now()
        trouble = ""
        while True:
            try:
                answer = self._request("GET", url, params={"api-version": _API_VERSION})
            except requests.RequestException as error:
                answer, trouble = None, f"{self._deployer.arm} cannot be reached: {_cause(error)}"
            if answer is not None and answer.status_code == requests.codes.ok:
                found = [str(item.get("name", "")).rpartition("/")[2] for item in _list(_object(answer).get("value"))]
                if found:
                    self._say(f"{self._app.name} runs {len(found)} functions: {', '.join(sorted(found))}")
                    return sorted(found)
                trouble = ""
            elif answer is not None:
                trouble = f"Azure does not list its functions: {answer.status_code} {_text(answer)}"
                if answer.status_code in {401, 403}:
                    break
            if self._clock.now() - began > FUNCTIONS:
                break
            self._clock.sleep((answer is not None and _after(answer)) or 5.0)
        raise PublishingError(
            f"the code is deployed to {self._app.name}, but {trouble}"
            if trouble
            else f"the code is deployed to {self._app.name}, but the app has no functions: its Python worker could not load "
            "function_app.py, and does not say so. Look for what it imports and the package lacks, for decorators that "
            "azure-functions in requirements.txt does not have, and for another version of Python than the app's "
            "(secure-mcp check); the log stream of the app in the portal has the traceback. Then run pulumi up again"
        )

    def _request(self, method: str, url: str, **options: Any) -> requests.Response:
        headers = {**options.pop("headers", {}), "Authorization": f"Bearer {self._deployer.token()}"}
        return self._session.request(
            method, url, headers=headers, timeout=(_CONNECT, _ANSWER), allow_redirects=False, **options
        )

    @contextmanager
    def _connecting(self) -> Generator[None]:
        """Makes of what goes wrong on the way a reason to try again."""
        try:
            yield
        except requests.exceptions.SSLError as error:
            raise PublishingError(
                f"{self._app.scm} shows a certificate that this machine does not trust: {_cause(error)}. Where a proxy opens "
                "TLS, name its certificates in REQUESTS_CA_BUNDLE"
            ) from None
        except (requests.exceptions.ReadTimeout, requests.exceptions.ChunkedEncodingError) as error:
            raise _Again("answer", BUSY, f"{self._app.scm} gave no answer: {_cause(error)}") from None
        except requests.exceptions.ConnectionError as error:
            if "reset" in str(error).lower() or "aborted" in str(error).lower() or "broken pipe" in str(error).lower():
                raise _Again("answer", BUSY, f"{self._app.scm} closed the connection: {_cause(error)}") from None
            raise _Again("unreachable", UNREACHABLE, self._unreachable(_cause(error))) from None

    def _unreachable(self, cause: str) -> str:
        return (
            f"this machine cannot reach {self._app.scm}: {cause}\nIf the app is private, pulumi up must run where its private "
            "endpoint can be reached and named: in the network or joined to it, with the DNS zone "
            "privatelink.azurewebsites.net. Everything else is deployed: run pulumi up again from there, or set deployCode to "
            "false and publish from there with python -m secure_mcp.publishing"
        )

    def _refused(self, answer: requests.Response) -> str:
        code, said = answer.status_code, _text(answer)
        fix = {
            401: "the token was not accepted: sign in to the tenant of the app's subscription, and check this machine's clock",
            403: "whoever deploys needs the right to write to the site (Website Contributor), and a private app answers only "
            "through its private endpoint: run pulumi up from inside the network",
            404: "there is no deployment endpoint of a Flex Consumption app at this address",
            413: "the package is too large; leave out what the app does not need (.funcignore, requirements.in)",
            415: "the endpoint takes packages as application/zip only; something between here and there changed the type",
        }.get(code, "")
        return f"{self._app.scm} refuses the package: {code} {said}" + (f"\n{fix[0].upper()}{fix[1:]}" if fix else "")

    def _unavailable(self, answer: requests.Response) -> str:
        return f"{self._app.scm} is not available: {answer.status_code} {_text(answer)}".rstrip()

    def _storage_refused(self, said: str) -> str:
        return (
            f"the platform cannot write the package to the app's deployment container yet: {said}\nA new role takes some "
            "minutes to be in force. If it stays so: the identity in functionAppConfig.deployment.storage needs Storage Blob "
            "Data Contributor on the container, and the account a way in for the app"
        )


def _hint(said: str) -> str:
    # https://github.com/Azure/azure-functions-vs-build-sdk/pull/656
    if "is not supported" in said and "etting" in said:
        return "\nRemove that app setting: Flex Consumption refuses it"
    return ""


def _deployment_id(answer: requests.Response) -> str:
    """The body of an acceptance is a JSON string; where it is something else, the newest deployment is looked at."""
    try:
        body: object = answer.json()
    except ValueError:
        return "latest"
    return body if isinstance(body, str) and body else "latest"


def _status(deployment: Mapping[str, Any]) -> Status:
    """Raises:
    PublishingError: it is none that is known.
    """
    try:
        return Status(int(deployment["status"]))
    except (KeyError, TypeError, ValueError):
        raise PublishingError(
            f"the deployment endpoint answers with an unknown status: {json.dumps(dict(deployment))[:300]}"
        ) from None


def _named(status: Status) -> str:
    return status.name.lower().replace("_", " ")


def _object(answer: requests.Response) -> Mapping[str, Any]:
    try:
        body: object = answer.json()
    except ValueError:
        body = None
    return cast("Mapping[str, Any]", body) if isinstance(body, dict) else {}


def _list(value: object) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def _text(answer: requests.Response) -> str:
    """What an answer says, in one short line."""
    body = _object(answer)
    error: object = body.get("error")
    found = cast("Mapping[str, Any]", error).get("message") if isinstance(error, dict) else None
    text = str(found or body.get("message") or body.get("Message") or answer.text or answer.reason or "")
    if "<html" in text[:500].lower():
        text = answer.reason or ""
    return " ".join(text.split())[:500]


def _after(answer: requests.Response) -> float | None:
    """Seconds of Retry-After, if it says any."""
    said = answer.headers.get("Retry-After", "")
    return min(float(said), 60.0) if said.isdigit() else None


def _cause(error: BaseException) -> str:
    """The innermost reason of a failed request: the outer ones repeat addresses."""
    reason: object = error
    while True:
        inner = getattr(reason, "reason", None) or next(
            (argument for argument in getattr(reason, "args", ()) if isinstance(argument, BaseException)), None
        )
        if not isinstance(inner, BaseException):
            return str(reason).split(">: ", 1)[-1] or type(reason).__name__
        reason = inner


def _spoken(seconds: float) -> str:
    return f"{seconds:.0f} seconds" if seconds < 120 else f"{seconds / 60:.0f} minutes"
