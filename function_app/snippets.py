"""Snippets: short texts, each with a name and an owner, one blob each."""

import os
import unicodedata
from functools import lru_cache

from azure.core.exceptions import ResourceNotFoundError
from azure.identity import ManagedIdentityCredential
from azure.storage.blob import BlobServiceClient, ContainerClient, ContentSettings, LinearRetry

MAX_NAME = 100
"""Characters."""
MAX_CONTENT = 256 * 1024
"""Bytes of UTF-8."""
MAX_SNIPPETS = 500
"""Per owner."""

_PUNCTUATION = frozenset(" -_.")
_CONTENT = ContentSettings(content_type="text/plain; charset=utf-8")


class SnippetRefused(Exception):
    """What is wrong with a request, in words for the user."""


class Snippets:
    """The snippets of one owner. The blob of a snippet is `<owner>/<name>`: nobody can name another's."""

    def __init__(self, container: ContainerClient, owner: str) -> None:
        """`owner` is an object id that has been checked: it begins the names of the owner's blobs."""
        self._container = container
        self._prefix = f"{owner}/"

    def save(self, name: str, content: str) -> str:
        """Writes a snippet, over an older one of that name, and returns its name in normal form.

        Raises:
            SnippetRefused: the name or the content is not acceptable, or the owner has too many.
        """
        name = normal_name(name)
        if not isinstance(content, str):  # pyright: ignore[reportUnnecessaryIsInstance]  (comes from JSON)
            raise SnippetRefused("The content must be text.")
        try:
            encoded = content.encode()
        except UnicodeEncodeError:
            raise SnippetRefused("The content is not valid Unicode text.") from None
        if len(encoded) > MAX_CONTENT:
            raise SnippetRefused(f"The content has {len(encoded)} bytes; a snippet may have {MAX_CONTENT}.")
        names = self.names()
        if name not in names and len(names) >= MAX_SNIPPETS:
            raise SnippetRefused(f"You have {len(names)} snippets already. Delete one first.")
        self._container.upload_blob(self._prefix + name, encoded, overwrite=True, content_settings=_CONTENT)
        return name

    def read(self, name: str) -> str:
        """The content of a snippet.

        Raises:
            SnippetRefused: the name is not acceptable, or there is no such snippet.
        """
        name = normal_name(name)
        try:
            return self._container.download_blob(self._prefix + name, encoding="utf-8").readall()
        except ResourceNotFoundError as missing:
            raise self._no_such(name, missing) from None

    def names(self) -> list[str]:
        """The names of all snippets, in the order of their characters."""
        found = self._container.list_blob_names(name_starts_with=self._prefix)
        return sorted(name.removeprefix(self._prefix) for name in found)

    def delete(self, name: str) -> str:
        """Removes a snippet and returns its name in normal form.

        Raises:
            SnippetRefused: the name is not acceptable, or there is no such snippet.
        """
        name = normal_name(name)
        try:
            self._container.delete_blob(self._prefix + name)
        except ResourceNotFoundError as missing:
            raise self._no_such(name, missing) from None
        return name

    @staticmethod
    def _no_such(name: str, missing: ResourceNotFoundError) -> Exception:
        # A missing container is a fault of whoever runs the server, not of the user.
        if missing.error_code == "ContainerNotFound":  # pyright: ignore[reportAttributeAccessIssue]
            return missing
        return SnippetRefused(f"You have no snippet named {name!r}.")


def normal_name(name: str) -> str:
    """A name in Unicode normal form C, so that the same word is the same snippet however it was typed.

    Letters, marks and digits of any script, and inside the name also space, hyphen, underscore and full stop. So no name
    is a path, and none contains invisible or direction-changing characters.

    Raises:
        SnippetRefused: it is not such a name, or too long.
    """
    if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance]  (comes from JSON)
        raise SnippetRefused("The name must be text.")
    # Before normalising, which takes time and can make it longer.
    if len(name) <= MAX_NAME:
        name = unicodedata.normalize("NFC", name)
    if not 0 < len(name) <= MAX_NAME:
        raise SnippetRefused(f"A name has 1 to {MAX_NAME} characters.")
    if not (
        all(character in _PUNCTUATION or unicodedata.category(character)[0] in "LMN" for character in name)
        and unicodedata.category(name[0])[0] in "LN"
        and name[-1] not in " ."
    ):
        raise SnippetRefused(
            "A name consists of letters, digits, spaces, hyphens, underscores and full stops; "
            "it begins with a letter or digit and does not end with a space or full stop."
        )
    return name


@lru_cache(maxsize=1)
def container() -> ContainerClient:
    """The container of all snippets, by the app's managed identity.

    It is in the account that the host keeps its own things in, which the host's settings name:
    `AzureWebJobsStorage__blobServiceUri`, and `AzureWebJobsStorage__clientId`, the client id of the app's identity. The container's
    name is a setting of our own, `SNIPPETS_CONTAINER`.

    Raises:
        KeyError: a setting is missing.
    """
    settings = os.environ
    credential = ManagedIdentityCredential(client_id=settings["AzureWebJobsStorage__clientId"])
    # The client's own policy tries for more than a minute, while somebody waits for an answer.
    retry = LinearRetry(backoff=1, retry_total=2, random_jitter_range=1)
    service = BlobServiceClient(settings["AzureWebJobsStorage__blobServiceUri"], credential, retry_policy=retry)
    return service.get_container_client(settings["SNIPPETS_CONTAINER"])
