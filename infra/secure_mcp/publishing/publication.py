"""One publication of a package, by the protocol that Microsoft's own tools speak with Flex Consumption apps.

Sources: Azure/azure-dev `cli/azd/pkg/azsdk/funcapp_host_client.go`, Azure/azure-cli `appservice/custom.py`
(`enable_zip_deploy_flex`), Azure/azure-functions-core-tools `PublishFunctionAppAction.cs`. Where a number stands, its source is
beside it.
"""

import time
import uuid
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

import requests

from .answers import Status, cause_of, deployment_id, list_of, named, object_of, retry_after, spoken, status_of, text_of
from .app import ANSWER, API_VERSION, CONNECT, App, Identity
from .explanations import hint, refused, storage_refused, unavailable, unreachable
from .failure import PublishingError

Say = Callable[[str], None]
"""Tells the user what happens."""

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
        self._say(f"{str(again).splitlines()[0]}\nTrying again, for {spoken(again.limit - (now - began))} at most")
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
                return _Accepted(deployment_id(answer))
            case 200:
                return _Accepted(deployment_id(answer), done=True)
            case 409 | 502 | 504 if self._own_is_latest():
                # In front of the endpoint somebody did not wait for its answer.
                return _Accepted("latest")
            case 409:
                raise _Again(
                    "busy", BUSY, f"{self._app.name} is busy with another deployment (409)", retry_after(answer)
                )
            case 400 if any(error in answer.text for error in _STORAGE_ERRORS):
                raise _Again("storage", STORAGE, storage_refused(text_of(answer)), retry_after(answer))
            case 403 | 404:
                raise _Again("access", ACCESS, refused(self._app, answer), retry_after(answer))
            case 429 | 502 | 503 | 504:
                raise _Again("busy", BUSY, unavailable(self._app, answer), retry_after(answer))
            case _:
                raise PublishingError(refused(self._app, answer))

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
            after = retry_after(answer)
            match answer.status_code:
                case 200 | 202:
                    last = object_of(answer)
                    found = status_of(last)
                    for kind in ("answer", "unreachable", "poll"):
                        self._since.pop(kind, None)
                    if found != status:
                        status = found
                        self._say(f"Deployment: {named(found)}")
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
                    raise PublishingError(refused(self._app, answer))
                case _:
                    self._pause(_Again("poll", BUSY, unavailable(self._app, answer), after), _FIRST_WAIT)
                    continue
            now = self._clock.now()
            if now - began > DEPLOYING:
                raise PublishingError(
                    f"the deployment to {self._app.name} has not ended within {spoken(DEPLOYING)} (status: "
                    f"{named(status) if status is not None else 'unknown'}); look at its deployments in the portal, "
                    "then run pulumi up again"
                )
            if now - said >= _REPORT:
                said = now
                self._say(f"Still waiting, {spoken(now - began)} so far")
            self._clock.sleep(_POLL if after is None else after)

    def _ended(self, status: Status, deployment: Mapping[str, Any]) -> None:
        if status is Status.SUCCESS:
            return
        said = "; ".join(self._explanation(deployment)) or "Azure gives no reason"
        if status is Status.CONFLICT:
            raise _Again("busy", BUSY, f"{self._app.name} is busy with another deployment: {said}")
        if any(error in said for error in _STORAGE_ERRORS):
            raise _Again("storage", STORAGE, storage_refused(said))
        raise PublishingError(f"the deployment to {self._app.name} ended as {named(status)}: {said}{hint(said)}")

    def _own_is_latest(self) -> bool:
        """Whether the newest deployment of the app is this one."""
        try:
            answer = self._request("GET", f"{self._app.scm}/api/deployments/latest")
        except requests.RequestException:
            return False
        return answer.status_code in {200, 202} and self._message in str(object_of(answer).get("message"))

    def _explanation(self, deployment: Mapping[str, Any]) -> Iterator[str]:
        """What Azure says of a failure, the log last: there the cause stands where the text is only `Deployment Failed`."""
        if text := str(deployment.get("status_text") or "").strip():
            yield text
        summary: object = deployment.get("build_summary")
        if isinstance(summary, dict):
            for error in list_of(cast("dict[str, Any]", summary).get("errors")):
                yield str(error)
        try:
            log = self._request("GET", f"{self._app.scm}/api/deployments/{deployment.get('id', 'latest')}/log")
            entries = list_of(log.json()) if log.status_code == requests.codes.ok else []
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
                answer = self._request("GET", url, params={"api-version": API_VERSION})
            except requests.RequestException as error:
                answer, trouble = None, f"{self._deployer.arm} cannot be reached: {cause_of(error)}"
            if answer is not None and answer.status_code == requests.codes.ok:
                found = [
                    str(item.get("name", "")).rpartition("/")[2] for item in list_of(object_of(answer).get("value"))
                ]
                if found:
                    self._say(f"{self._app.name} runs {len(found)} functions: {', '.join(sorted(found))}")
                    return sorted(found)
                trouble = ""
            elif answer is not None:
                trouble = f"Azure does not list its functions: {answer.status_code} {text_of(answer)}"
                if answer.status_code in {401, 403}:
                    break
            if self._clock.now() - began > FUNCTIONS:
                break
            self._clock.sleep((answer is not None and retry_after(answer)) or 5.0)
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
            method, url, headers=headers, timeout=(CONNECT, ANSWER), allow_redirects=False, **options
        )

    @contextmanager
    def _connecting(self) -> Generator[None]:
        """Makes of what goes wrong on the way a reason to try again."""
        try:
            yield
        except requests.exceptions.SSLError as error:
            raise PublishingError(
                f"{self._app.scm} shows a certificate that this machine does not trust: {cause_of(error)}. Where a proxy opens "
                "TLS, name its certificates in REQUESTS_CA_BUNDLE"
            ) from None
        except (requests.exceptions.ReadTimeout, requests.exceptions.ChunkedEncodingError) as error:
            raise _Again("answer", BUSY, f"{self._app.scm} gave no answer: {cause_of(error)}") from None
        except requests.exceptions.ConnectionError as error:
            if "reset" in str(error).lower() or "aborted" in str(error).lower() or "broken pipe" in str(error).lower():
                raise _Again("answer", BUSY, f"{self._app.scm} closed the connection: {cause_of(error)}") from None
            raise _Again("unreachable", UNREACHABLE, unreachable(self._app, cause_of(error))) from None
