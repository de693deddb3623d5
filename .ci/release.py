#!/usr/bin/env python3
"""Makes everything that a release publishes, into a folder, and publishes nothing: `make release-rehearsal`.

    python .ci/release.py [--out dist] [--tag v0.2.0]

    pulumi_secure_mcp-VERSION.tar.gz, -py3-none-any.whl     the library, its local cloud and its command
    apim_policies-VERSION.tar.gz, -py3-none-any.whl         the policy engine
    pulumi-resource-secure-mcp-vVERSION-OS-ARCH.tar.gz      the plugin with which programs in every language use the components
    secure-mcp-VERSION.cdx.json                             bill of materials (CycloneDX 1.6) of what `[local]` installs
    NOTES.md                                                the section of the changelog
    SHA256SUMS                                              of all of them, but for the notes

The same commit gives the same archives: times are the commit's. Fails when versions, tag, changelog or licences do not agree.
"""

import argparse
import gzip
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIBRARY, ENGINE = ROOT, ROOT / "local" / "policy_engine"
# As the engine asks for them: it looks for the archive of its own system among the files of a release.
SYSTEMS = [f"{system}-{machine}" for system in ("linux", "darwin") for machine in ("amd64", "arm64")] + [
    "windows-amd64"
]
PLUGIN = "pulumi-resource-secure-mcp"


class ReleaseError(Exception):
    """Why there can be no release, and what to do."""


def project(folder: Path) -> dict[str, object]:
    return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def version(tag: str | None) -> str:
    """The one version of both distributions, which the tag and the changelog have too."""
    library, engine = project(LIBRARY), project(ENGINE)
    found = str(library["version"])
    if engine["version"] != found:
        raise ReleaseError(
            f"pyproject.toml has version {found}, {ENGINE.name}'s has {engine['version']}: make them one"
        )
    needed = next(line for line in library["optional-dependencies"]["local"] if line.startswith("apim-policies"))  # type: ignore[index]
    if needed != f"apim-policies=={found}":
        raise ReleaseError(f"the extra [local] needs {needed!r}: make it apim-policies=={found}")
    if tag not in (None, f"v{found}"):
        raise ReleaseError(f"the tag is {tag}, the version is {found}: the tag must be v{found}")
    return found


def notes(wanted: str) -> str:
    """The section of the changelog for a version, without its heading."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    section = re.search(
        rf"^## {re.escape(wanted)} - \d{{4}}-\d\d-\d\d\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL
    )
    if section is None or not section[1].strip():
        raise ReleaseError(f"CHANGELOG.md has no section '## {wanted} - YYYY-MM-DD' with something in it: write it")
    return section[1].strip() + "\n"


def commit_time() -> int:
    """Seconds since 1970 of the commit; archives bear it. Without a repository, that of ZIP's first day."""
    done = subprocess.run(
        ["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, encoding="utf-8", check=False
    )
    return int(done.stdout) if done.returncode == 0 and done.stdout.strip() else 315532800


def build(out: Path, time: int) -> None:
    """Sdist and wheel of both distributions."""
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(time)}
    for folder in (ENGINE, LIBRARY):
        command = [sys.executable, "-m", "hatchling", "build", "-d", str(out)]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, encoding="utf-8", check=False)
        if done.returncode:
            raise ReleaseError(f"{folder}: {' '.join(command[1:])} failed:\n{done.stdout}{done.stderr}")
    licence = (ROOT / "LICENSE").read_bytes()
    for wheel in out.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            held = [archive.read(name) for name in archive.namelist() if name.endswith(".dist-info/licenses/LICENSE")]
        if held != [licence]:
            raise ReleaseError(f"{wheel.name} does not carry LICENSE: name it in license-files of its pyproject.toml")


def plugin(out: Path, wanted: str, time: int) -> None:
    """The plugin's folder, with the published library instead of this checkout. It is Python: the same for every system."""
    folder = ROOT / "provider"
    files = {name: (folder / name).read_bytes() for name in ("PulumiPlugin.yaml", "__main__.py")}
    files["requirements.txt"] = f"pulumi-secure-mcp=={wanted}\n".encode()
    files["LICENSE"] = (ROOT / "LICENSE").read_bytes()
    packed = io.BytesIO()
    # No file name and no time of the compression: the same bytes each time.
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", filename="", mtime=0) as stream,
        tarfile.open(fileobj=stream, mode="w") as tar,
    ):
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime, entry.mode = len(content), time, 0o644
            tar.addfile(entry, io.BytesIO(content))
    for system in SYSTEMS:
        (out / f"{PLUGIN}-v{wanted}-{system}.tar.gz").write_bytes(packed.getvalue())


def materials(out: Path, wanted: str) -> None:
    """What the wheels bring with them, read from an environment that had nothing in it."""
    with tempfile.TemporaryDirectory() as scratch:
        environment = Path(scratch) / "environment"
        wheels = [str(next(out.glob(f"{name}-*.whl"))) for name in ("apim_policies", "pulumi_secure_mcp")]
        wheels[1] += "[local]"
        constraints = ["--constraint", str(ROOT / "constraints.txt")]
        if uv := shutil.which("uv"):
            run([uv, "venv", "--quiet", "--python", sys.executable, str(environment)])
            python = interpreter(environment)
            run([uv, "pip", "install", "--quiet", "--python", str(python), *constraints, *wheels])
        else:
            run([sys.executable, "-m", "venv", str(environment)])
            python = interpreter(environment)
            pip = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check"]
            run([*pip, "install", *constraints, *wheels])
            # What makes an environment is no part of the product.
            run([*pip, "uninstall", "--yes", "setuptools"])
        file = out / f"secure-mcp-{wanted}.cdx.json"
        run([
            sys.executable, "-m", "cyclonedx_py", "environment", str(python), "--pyproject", str(ROOT / "pyproject.toml"),
            "--output-reproducible", "--spec-version", "1.6", "--output-format", "JSON", "--output-file", str(file),
        ])  # fmt: skip
    held = json.loads(file.read_text(encoding="utf-8"))
    for part in held["components"]:
        # Our own engine came from a file of this machine.
        if any(reference["url"].startswith("file:") for reference in part.get("externalReferences", ())):
            del part["externalReferences"]
    file.write_text(json.dumps(held, indent=2) + "\n", encoding="utf-8", newline="\n")
    without = sorted(part["name"] for part in held["components"] if not part.get("licenses"))
    if without:
        print(f"note: no licence is declared by {', '.join(without)}", file=sys.stderr)


def interpreter(environment: Path) -> Path:
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        raise ReleaseError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Makes everything that a release publishes; publishes nothing.")
    parser.add_argument(
        "--out", type=Path, default=ROOT / "dist", help="folder, which is emptied first (default: dist)"
    )
    parser.add_argument("--tag", help="tag of the release, held against the version")
    arguments = parser.parse_args()
    out: Path = arguments.out.resolve()
    wanted = version(arguments.tag)
    text = notes(wanted)
    if out.exists() and any(out.iterdir()) and not (out / "SHA256SUMS").exists():
        raise ReleaseError(f"{out} holds something that is no release: name another folder with --out")
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    time = commit_time()
    build(out, time)
    plugin(out, wanted, time)
    materials(out, wanted)
    files = sorted(out.iterdir())
    sums = "".join(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files)
    (out / "SHA256SUMS").write_text(sums, encoding="utf-8", newline="\n")
    (out / "NOTES.md").write_text(text, encoding="utf-8", newline="\n")
    print(sums, end="")
    print(f"{len(files)} files of secure-mcp {wanted} are in {out}; nothing was published")


if __name__ == "__main__":
    try:
        main()
    except ReleaseError as error:
        print(f"release: {error}", file=sys.stderr)
        raise SystemExit(1) from None
