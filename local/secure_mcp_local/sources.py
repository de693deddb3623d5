"""What a place in a policy document is called: the line of the template that somebody can edit."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from apim_policies.errors import DocumentError
from secure_mcp.apis import templates
from secure_mcp_local.cli.plan import policy_documents
from secure_mcp_local.recording import Recording

if TYPE_CHECKING:
    from secure_mcp_local.check.templates import Templates


class Sources:
    """The policy documents of a stack and the templates that they came from.

    Args:
        root: Folder of the Pulumi project, whose `policies` may hold templates; else they are the library's.
        recording: The stack.
    """

    def __init__(self, root: Path, recording: Recording) -> None:
        own = root / "policies"
        self._folder = own if own.is_dir() else templates.directory()
        self._documents: Mapping[str, str] = policy_documents(recording)
        self._templates: Templates | None = None

    def place(self, document: str, line: int, column: int = 1) -> tuple[str, int, int]:
        """File, line and column: of the template, or of the document as it is sent where no template is found.

        A line of 0 says that only the file is known.
        """
        text = self._documents.get(document)
        if not isinstance(text, str):
            return document, line, column
        if self._templates is None:
            # Most runs never need it, and importing it takes a while.
            from secure_mcp_local.check.templates import Templates  # noqa: PLC0415

            self._templates = Templates(self._folder)
        origin = self._templates.origin(text, line, column) if line else None
        if origin is not None:
            return self._name(origin.file), origin.line, origin.column
        file = self._templates.file(text)
        return (self._name(file), 0, 0) if file is not None else (document, line, column)

    def called(self, document: str, line: int) -> str:
        """The same as one word, such as `policies/oauth/token.xml:41`."""
        file, line, _ = self.place(document, line)
        return f"{file}:{line}" if line else file

    def traced(self, error: DocumentError) -> DocumentError:
        """An error that names the template."""
        return error.at(*self.place(error.document, error.line, error.column))

    def _name(self, file: Path) -> str:
        return f"policies/{file.relative_to(self._folder).as_posix()}"
