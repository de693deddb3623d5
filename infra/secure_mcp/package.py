"""The function app's code as a zip that is the same for the same sources."""

import hashlib
import io
import tempfile
import zipfile
from pathlib import Path

_EXCLUDED = {
    "__pycache__",
    ".venv",
    ".pytest_cache",
    ".python_packages",
    ".vscode",
    "local.settings.json",
    ".funcignore",
}
# The oldest time a zip can carry: the content alone decides what the archive is.
_TIME = (1980, 1, 1, 0, 0, 0)


def build_package(source: Path) -> tuple[Path, str]:
    """Writes the archive to the folder for temporary files and returns it with the first 16 hex digits of its SHA-256.

    Dependencies are not in it: they are installed for the app's platform when it is deployed (remote build).

    Raises:
        FileNotFoundError: there is no host.json, so it is no function app.
    """
    if not (source / "host.json").is_file():
        raise FileNotFoundError(f"{source} is no function app: it has no host.json")
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(source.rglob("*")):
            relative = path.relative_to(source)
            if path.is_file() and not _EXCLUDED & set(relative.parts):
                info = zipfile.ZipInfo(relative.as_posix(), _TIME)
                info.compress_type = zipfile.ZIP_DEFLATED
                info.external_attr = 0o644 << 16
                archive.writestr(info, path.read_bytes())
    digest = hashlib.sha256(content.getvalue()).hexdigest()[:16]
    target = Path(tempfile.gettempdir()) / f"secure-mcp-{digest}.zip"
    target.write_bytes(content.getvalue())
    return target, digest
