"""Locking what an app needs: one version and the hashes of each package, for every Python that the app can run on.

By pip, which is there wherever this library is; no other tool has to be installed.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from .dependencies import PYTHON_VERSIONS, wheels_for
from .failure import PackageError

_HEADER = "# What requirements.in asks for, locked by: secure-mcp package --lock\n"
# pip asks the Python that it runs on whether a conditional dependency is meant; here it is the app's that counts.
_PIP = (
    "import json, sys; import pip._vendor.packaging.markers as markers; "
    "found = {**markers.default_environment(), **json.loads(sys.argv.pop(1))}; "
    "markers.default_environment = lambda: dict(found); "
    "from pip._internal.cli.main import main; sys.exit(main(sys.argv[1:]))"
)


def lock(source: Path, python_versions: Sequence[str] = PYTHON_VERSIONS) -> Path:
    """Writes an app's requirements.txt from its requirements.in. Packages are looked up, and nothing of theirs is run.

    Args:
        source: Folder of the app.
        python_versions: What it can run on; where they need different versions, lines have conditions.

    Returns:
        The file that was written.

    Raises:
        PackageError: no requirements.in, or pip finds no versions that go together.
    """
    wanted = source / "requirements.in"
    if not wanted.is_file():
        raise PackageError(f"{wanted.absolute()} is not there: write to it what the app imports, one package a line")
    found = {version: _resolved(wanted, version) for version in python_versions}
    lines: list[str] = []
    for name in sorted({name for pins in found.values() for name in pins}):
        choices: dict[str, list[str]] = {}
        for version, pins in found.items():
            if name in pins:
                choices.setdefault(pins[name][0], []).append(version)
        for chosen, versions in choices.items():
            hashes = sorted({found[version][name][1] for version in versions})
            condition = "" if len(versions) == len(python_versions) else _condition(versions)
            lines.append(
                " \\\n    ".join([f"{name}=={chosen}{condition}", *(f"--hash=sha256:{one}" for one in hashes)])
            )
    target = source / "requirements.txt"
    target.write_text(_HEADER + "\n".join(lines) + "\n", encoding="utf-8")
    return target


def _condition(versions: Sequence[str]) -> str:
    return " ; " + " or ".join(f'python_version == "{version}"' for version in versions)


def _resolved(wanted: Path, python_version: str) -> Mapping[str, tuple[str, str]]:
    """By name: version and SHA-256 of the wheel that the app would get.

    Raises:
        PackageError: pip failed; its own words.
    """
    environment = {
        "python_version": python_version,
        "python_full_version": f"{python_version}.0",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": "x86_64",
        "os_name": "posix",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }
    with tempfile.TemporaryDirectory(prefix="secure-mcp-") as folder:
        report = Path(folder, "report.json")
        finished = subprocess.run(  # noqa: S603  (our own interpreter, arguments that we make)
            [
                *(sys.executable, "-X", "utf8", "-c", _PIP, json.dumps(environment)),
                *("install", "--dry-run", "--ignore-installed", "--quiet", "--disable-pip-version-check", "--no-input"),
                *("--report", str(report), *wheels_for(python_version), "--target", folder),
                *("--requirement", str(wanted)),
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        if finished.returncode:
            said = [line for line in finished.stderr.splitlines() if line.strip() and not line.startswith("WARNING")]
            raise PackageError(
                f"pip cannot lock {wanted.absolute()} for Python {python_version} on Linux (x86-64):\n"
                + "\n".join(f"  {line}" for line in said[-8:])
            )
        content: Any = json.loads(report.read_text(encoding="utf-8"))
    pins: dict[str, tuple[str, str]] = {}
    for one in content["install"]:
        about, hashes = one["metadata"], one["download_info"].get("archive_info", {}).get("hashes", {})
        if "sha256" not in hashes:
            raise PackageError(f"{about['name']} of {wanted.absolute()} has no SHA-256: name a package of an index")
        pins[canonicalize_name(str(about["name"]))] = str(about["version"]), str(hashes["sha256"])
    return pins
