"""Who signs in: a person at a real browser, or one of the people of a local Entra ID."""

import asyncio
import socket
import webbrowser
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Protocol
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from apim_policies.listener import Listener
from secure_mcp_local.doctor.report import DoctorError, Failure
from secure_mcp_local.doctor.server import Answer, Server, is_loopback
from secure_mcp_local.doctor.visitor import Button, Visitor, form_of

CALLBACK = "/callback"
_STEPS = 20


class SignIn(Protocol):
    """Takes an authorization request to its end."""

    @property
    def redirect_uri(self) -> str:
        """Where the server must send the browser; a loopback address."""
        ...

    async def finish(self, url: str, reason: str) -> str:
        """Opens `url` and returns the address at which the client was called in the end.

        Args:
            url: Of the authorization endpoint, with all parameters.
            reason: Why there is one more sign-in, for the person who has to do it.

        Raises:
            Failure: the client was never called.
        """
        ...


class Person:
    """Signs in over plain HTTP as one of the people of the local Entra ID. Works on this computer only."""

    redirect_uri = f"http://127.0.0.1:53682{CALLBACK}"

    def __init__(self, server: Server, name: str) -> None:
        """`name`: begins the label of a button on Entra's page, such as `alice`."""
        if not is_loopback(server.url):
            raise DoctorError(
                f"--as {name} works with the local cloud only, and {server.url} is not on this computer: "
                "leave it out and sign in with your browser"
            )
        self._server, self._name = server, name

    async def finish(self, url: str, reason: str) -> str:
        """See SignIn."""
        del reason
        visitor = Visitor(self._server)
        answer = await visitor.get(url)
        for _ in range(_STEPS):
            target = answer.location
            if target is None:
                self._known(answer)
                answer = await visitor.submit(answer, self._choice)
            elif target.startswith(self.redirect_uri + "?"):
                return target
            elif is_loopback(target):
                answer = await visitor.get(target)
            else:
                raise Failure(f"the sign-in leaves this computer for {urlsplit(target).netloc}: do it in a browser")
        raise Failure(f"the sign-in did not end after {_STEPS} pages")

    def _known(self, page: Answer) -> None:
        """
        Raises:
            DoctorError: the page lets people choose who they are, and nobody is called that.
        """
        form = form_of(page)
        buttons = (
            [button for button in form.buttons if button.name == "user" and button.value != "cancel"] if form else []
        )
        if buttons and not any(map(self._choice, buttons)):
            people = ", ".join(button.value for button in buttons)
            raise DoctorError(f"--as {self._name}: nobody here is called that; there are {people}")

    def _choice(self, button: Button) -> bool:
        return allows(button) or button.label.lower().startswith(self._name.lower())


class Browser:
    """Lets a person sign in with the system's browser, and listens on this computer for the answer. Made by `listening`."""

    def __init__(self, port: int, patience: float, show: Callable[[str, str], None], *, open_it: bool) -> None:
        self.redirect_uri = f"http://127.0.0.1:{port}{CALLBACK}"
        self._patience, self._show, self._open = patience, show, open_it
        self._calls: asyncio.Queue[str] = asyncio.Queue(maxsize=16)

    @classmethod
    @asynccontextmanager
    async def listening(
        cls, patience: float, show: Callable[[str, str], None], *, open_it: bool
    ) -> AsyncGenerator["Browser"]:
        """A browser sign-in that can be used as long as the block lasts.

        Args:
            patience: Seconds to wait for the person.
            show: Called with the address and the reason of each sign-in, before the browser is opened.
            open_it: Open the browser, rather than only show the address.
        """
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listening:
            listening.bind(("127.0.0.1", 0))
            listening.listen(16)
            browser = cls(listening.getsockname()[1], patience, show, open_it=open_it)
            async with Listener(browser.app, [listening]):
                yield browser

    async def finish(self, url: str, reason: str) -> str:
        """See SignIn."""
        while not self._calls.empty():
            self._calls.get_nowait()
        self._show(url, reason)
        if self._open:
            # In a thread: some browsers make the caller wait.
            await asyncio.to_thread(webbrowser.open, url)
        try:
            async with asyncio.timeout(self._patience):
                return await self._calls.get()
        except TimeoutError:
            raise Failure(
                f"nobody came back from the browser within {self._patience:g} seconds (a page with an error there says why)"
            ) from None

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Takes the answer and tells the person to go back."""
        await self._answer(Request(scope, receive))(scope, receive, send)

    def _answer(self, request: Request) -> Response:
        if request.url.path != CALLBACK or request.method != "GET":
            return PlainTextResponse("Not found", 404)
        try:
            self._calls.put_nowait(f"{self.redirect_uri}?{request.url.query}")
        except asyncio.QueueFull:
            return PlainTextResponse("Too many answers", 429)
        headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
        return PlainTextResponse("The doctor has what it needs. You can close this page.", headers=headers)


def allows(button: Button) -> bool:
    """Whether a button of a consent page means yes."""
    return button.value.lower() in {"allow", "approve", "accept", "yes", "authorize"}


def denies(button: Button) -> bool:
    """Whether a button of a consent page means no."""
    return button.value.lower() in {"deny", "cancel", "reject", "decline", "no"}
