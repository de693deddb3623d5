"""The package of the function app: what is in it, that it is the same everywhere, and that it runs by itself."""

import hashlib
import json
import multiprocessing
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from secure_mcp.package import PYTHON_VERSION, PYTHON_VERSIONS, PackageError, build_package, lock

ROOT = Path(__file__).parents[2]
APP = ROOT / "function_app"
WORKER = ROOT / "local/secure_mcp_local/azure/functions/worker.py"
VERSION = PYTHON_VERSION.replace(".", "")
SITE_PACKAGES = ".python_packages/lib/site-packages"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, as on a new machine."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "secure-mcp"


@pytest.fixture
def app(tmp_path: Path, cache: Path) -> Path:
    """A function app without dependencies."""
    del cache
    app = tmp_path / "app"
    app.mkdir()
    (app / "host.json").write_text("{}")
    (app / "function_app.py").write_text("x = 1\n")
    return app


@pytest.fixture(scope="session")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real package as the platform mounts it."""
    folder = tmp_path_factory.mktemp("package")
    with zipfile.ZipFile(build_package(APP).archive) as archive:
        archive.extractall(folder)
    return folder


def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Has pip find one tiny package here and nothing anywhere else; its line for a requirements.txt."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    wheel = folder / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny.py", "answer = 42\n")
        archive.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        archive.writestr("tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("tiny-1.0.dist-info/entry_points.txt", "[console_scripts]\ntiny = tiny:answer\n")
        archive.writestr("tiny-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return f"tiny==1.0 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n"


def names(archive: Path) -> list[str]:
    return zipfile.ZipFile(archive).namelist()


def test_the_same_sources_make_the_same_package(app: Path, cache: Path) -> None:
    package = build_package(app)
    content = package.archive.read_bytes()
    (app / "__pycache__").mkdir()
    (app / "__pycache__" / "x.pyc").write_bytes(b"1")
    (app / "function_app.py").touch()
    shutil.rmtree(cache)
    assert build_package(app) == package
    assert package.archive.read_bytes() == content
    assert names(package.archive) == ["function_app.py", "host.json"]


def test_what_is_in_it_decides_its_name(app: Path) -> None:
    packages = {build_package(app).archive}
    (app / "function_app.py").write_text("x = 2\n")
    packages.add(build_package(app).archive)
    (app / "function_app.py").rename(app / "other.py")
    packages.add(build_package(app).archive)
    assert len(packages) == 3


def test_dependencies_are_unpacked_and_the_same_every_time(
    app: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    lock = wheels(tmp_path, monkeypatch)
    (app / "requirements.txt").write_text("# a comment\n" + lock.replace(" --", " \\\n    --"))
    package = build_package(app)
    assert "Fetching 1 dependencies of app for Python 3.13" in capfd.readouterr().err
    assert names(package.archive) == [
        "function_app.py",
        "host.json",
        "requirements.txt",
        f"{SITE_PACKAGES}/tiny-1.0.dist-info/METADATA",
        f"{SITE_PACKAGES}/tiny-1.0.dist-info/WHEEL",
        f"{SITE_PACKAGES}/tiny-1.0.dist-info/entry_points.txt",
        f"{SITE_PACKAGES}/tiny.py",
    ]
    content = package.archive.read_bytes()
    shutil.rmtree(cache)
    assert build_package(app) == package
    assert package.archive.read_bytes() == content


def test_afterwards_it_works_offline(
    app: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (app / "requirements.txt").write_text(wheels(tmp_path, monkeypatch))
    build_package(app)
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    capfd.readouterr()
    (app / "function_app.py").write_text("x = 3\n")
    assert f"{SITE_PACKAGES}/tiny.py" in names(build_package(app).archive)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("version", ["3.9", "abc", ""])
def test_a_python_that_function_apps_do_not_run_on_is_named(app: Path, cache: Path, version: str) -> None:
    with pytest.raises(PackageError, match=rf"for Python '{version}': a function app runs on 3\.13 or 3\.12"):
        build_package(app, version)


def test_without_a_network_it_says_what_to_do(
    app: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (app / "requirements.txt").write_text(wheels(tmp_path, monkeypatch))
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    with pytest.raises(PackageError, match=r"(?s)tiny==1\.0.*python -m secure_mcp\.package .*app$"):
        build_package(app)
    assert not list(cache.iterdir()), "nothing half-made stays"


def test_other_bytes_under_a_locked_name_are_refused(
    app: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = wheels(tmp_path, monkeypatch)
    (app / "requirements.txt").write_text(re.sub("sha256:.*", "sha256:" + "0" * 64, lock))
    with pytest.raises(PackageError, match=r"(?i)do not match the hashes"):
        build_package(app)


@pytest.mark.parametrize(
    "line",
    [
        "azure-identity",
        "azure-identity>=1.25",
        "azure-identity==1.27.0",
        "azure-identity==1.* --hash=sha256:" + "0" * 64,
        "-e ../library",
        "-r other.txt",
        "--extra-index-url https://packages.example",
        "library @ https://packages.example/library.whl --hash=sha256:" + "0" * 64,
    ],
)
def test_what_is_not_pinned_with_hashes_is_refused(app: Path, line: str) -> None:
    (app / "requirements.txt").write_text(f"{line}\n")
    with pytest.raises(PackageError) as refused:
        build_package(app)
    assert line.split(" --hash", maxsplit=1)[0] in str(refused.value)
    assert "python -m secure_mcp.package --lock ." in str(refused.value)


def test_what_an_app_asks_for_is_locked_with_its_conditions_and_without_uv(
    app: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is conditional is asked of the Python that the app runs on, and not of this one."""
    pin = wheels(tmp_path, monkeypatch)
    for name, requires in (("asking", 'tiny; python_version == "3.13"'), ("always", 'tiny; sys_platform == "win32"')):
        with zipfile.ZipFile(tmp_path / "wheels" / f"{name}-2.0-py3-none-any.whl", "w") as archive:
            archive.writestr(f"{name}.py", "")
            about = f"Metadata-Version: 2.1\nName: {name}\nVersion: 2.0\nRequires-Dist: {requires}\n"
            archive.writestr(f"{name}-2.0.dist-info/METADATA", about)
            archive.writestr(
                f"{name}-2.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            )
            archive.writestr(f"{name}-2.0.dist-info/RECORD", "")
    monkeypatch.setenv("PATH", "/nowhere")
    (app / "requirements.in").write_text("asking\nalways\n")
    written = lock(app).read_text()
    assert [line.split(" \\")[0] for line in written.splitlines() if "==" in line] == [
        "always==2.0", "asking==2.0", 'tiny==1.0 ; python_version == "3.13"',
    ]  # fmt: skip
    assert pin.split()[1] in written
    for version, there in (("3.13", True), ("3.12", False)):
        assert ((SITE_PACKAGES + "/tiny.py") in names(build_package(app, version).archive)) is there


def test_what_cannot_be_locked_is_said_in_pips_words(
    app: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels(tmp_path, monkeypatch)
    with pytest.raises(PackageError, match=r"requirements\.in is not there"):
        lock(app)
    (app / "requirements.in").write_text("no-such-package\n")
    with pytest.raises(PackageError, match="no-such-package"):
        lock(app)


def test_funcignore_reads_like_a_gitignore(app: Path) -> None:
    for name in ("notes.md", "docs/deep/more.md", "data/keep.md", "build/a.py", "src/build/b.py", ".env", "src/.env"):
        (app / name).parent.mkdir(parents=True, exist_ok=True)
        (app / name).write_text("")
    (app / "local.settings.json").write_text("{}")
    (app / ".funcignore").write_text("# what stays here\n*.md\n!data/keep.md\n/build/\n!local.settings.json\n!.env\n")
    assert names(build_package(app).archive) == ["data/keep.md", "function_app.py", "host.json", "src/build/b.py"]


def test_a_folder_without_host_json_is_no_function_app(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match=r"host\.json"):
        build_package(tmp_path)


def test_a_cache_that_cannot_be_made_is_named(app: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(PackageError, match=r"XDG_CACHE_HOME"):
        build_package(app)


def test_two_that_build_the_same_at_once_do_each_other_no_harm(
    app: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (app / "requirements.txt").write_text(wheels(tmp_path, monkeypatch))
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        packages = pool.map(build_package, [app] * 4)
    assert len(set(packages)) == 1
    assert zipfile.ZipFile(packages[0].archive).testzip() is None
    assert len(list(cache.iterdir())) == 2, "the dependencies, the package and nothing else"


def test_the_command_tells_what_it_made_or_what_is_wrong(app: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "secure_mcp.package", *arguments], capture_output=True, text=True, check=False
        )

    made = run(str(app), "--json")
    assert (made.returncode, made.stderr) == (0, "")
    said = json.loads(made.stdout)
    assert said["digest"] in said["archive"]
    assert said["bytes"] == Path(said["archive"]).stat().st_size
    (app / "host.json").unlink()
    refused = run(str(app))
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith(f"error: {app} is no function app")


# The function app of this repository, with the dependencies that `make setup` fetched.


def test_the_app_is_packed_in_no_time_once_its_dependencies_are_here() -> None:
    build_package(APP)
    before = time.process_time()
    build_package(APP)
    assert time.process_time() - before < 0.2


def test_everything_compiled_is_for_the_platform(unpacked: Path) -> None:
    compiled = [path for path in unpacked.rglob("*") if path.is_file() and path.read_bytes()[:4] == b"\x7fELF"]
    assert len(compiled) >= 3, "cryptography, cffi and charset-normalizer bring some"
    for path in compiled:
        content = path.read_bytes()
        assert content[4:6] == b"\x02\x01", f"{path.name} is not 64 bits"
        assert content[18:20] == b"\x3e\x00", f"{path.name} is not for x86-64"
        assert re.search(rf"\.(cpython-{VERSION}-x86_64-linux-gnu|abi3)\.so$|\.libs/", path.as_posix()), path.name
        newest = max((int(minor) for minor in re.findall(rb"GLIBC_2\.(\d+)", content)), default=0)
        assert newest <= 28, f"{path.name} needs glibc 2.{newest}"


def test_nothing_in_it_tells_where_it_was_made(unpacked: Path) -> None:
    for path in unpacked.rglob("*"):
        assert path.name not in {"RECORD", "INSTALLER", "direct_url.json", "__pycache__", "local.settings.json"}, path
        assert not path.is_file() or sys.prefix.encode() not in path.read_bytes(), path
    assert not (unpacked / SITE_PACKAGES / "bin").exists()


def interpreter(wanted: str) -> str | None:
    """A Python of a version: ours, the one on the path, or one that a version manager keeps."""
    kept = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    candidates = [sys.executable, shutil.which(f"python{wanted}")]
    candidates += [str(folder / "bin" / "python") for folder in kept.glob(f"{wanted}.*")]
    if uv := shutil.which("uv"):
        found = subprocess.run([uv, "python", "find", wanted], capture_output=True, text=True, check=False)
        candidates.append(found.stdout.strip())
    for candidate in filter(None, candidates):
        version = "import sys; print('%d.%d' % sys.version_info[:2])"
        said = subprocess.run([candidate, "-ISc", version], capture_output=True, text=True, check=False)
        if said.stdout.strip() == wanted:
            return candidate
    return None


@pytest.mark.parametrize("version", PYTHON_VERSIONS)
def test_B1_the_package_runs_by_itself_on_each_python(tmp_path: Path, version: str) -> None:
    """The worker indexes the functions and calls one with nothing on its path but the package and the standard library."""
    python = interpreter(version)
    if python is None:
        pytest.skip(f"there is no Python {version} here, for which the package is made")
    unpacked = tmp_path
    with zipfile.ZipFile(build_package(APP, version).archive) as archive:
        archive.extractall(unpacked)
    program = f"import runpy; runpy.run_path({str(WORKER)!r}, run_name='__main__')"
    environment = {"PYTHONDONTWRITEBYTECODE": "1"}
    frames = b""
    packages = str(unpacked / SITE_PACKAGES)
    for message in (
        {"code": str(unpacked), "packages": packages, "own": True, "environment": environment, "patience": 60},
        {"id": 1, "function": "hello_mcp", "arguments": {"context": {}}},
    ):
        content = json.dumps(message).encode()
        frames += len(content).to_bytes(4, "big") + content
    finished = subprocess.run(
        [python, "-ISc", program],
        input=frames,
        capture_output=True,
        env=environment,
        timeout=60,
        check=False,
    )
    messages, rest = [], finished.stdout
    while rest:
        length = int.from_bytes(rest[:4], "big")
        messages.append(json.loads(rest[4 : 4 + length]))
        rest = rest[4 + length :]
    messages = [message for message in messages if "said" not in message]
    assert "functions" in messages[0], messages[0].get("error")
    assert {function["name"] for function in messages[0]["functions"]} == {
        "hello_mcp", "save_snippet", "get_snippet", "list_snippets", "delete_snippet",
    }  # fmt: skip
    imports = "from cryptography.hazmat.bindings import _rust; import _cffi_backend, azure.identity, azure.storage.blob"
    checked = subprocess.run(
        [
            *(python, "-ISc"),
            f"import sys; sys.path[:0] = [{str(unpacked / SITE_PACKAGES)!r}]; {imports}; "
            "print([m.__file__ for m in list(sys.modules.values()) if 'site-packages' in (getattr(m, '__file__', '') or '')"
            f" and not m.__file__.startswith({str(unpacked)!r})])",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (checked.stdout.strip(), checked.returncode) == ("[]", 0), checked.stderr


def test_B1_conditions_are_asked_of_where_the_app_runs(
    app: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One lock for every Python: pip by itself would ask the Python that runs pip."""
    pin = wheels(tmp_path, monkeypatch).replace(" --hash", " ; python_full_version < '3.13' --hash")
    (app / "requirements.txt").write_text(pin)
    assert f"{SITE_PACKAGES}/tiny.py" in names(build_package(app, "3.12").archive)
    assert f"{SITE_PACKAGES}/tiny.py" not in names(build_package(app, "3.13").archive)
    (app / "requirements.txt").write_text(pin.replace("python_full_version", "python_fulll_version"))
    with pytest.raises(PackageError, match="condition that cannot be read"):
        build_package(app)


@pytest.mark.parametrize(("version", "major"), [("3.12", "1"), ("3.13", "2")])
def test_B1_the_lock_has_the_azure_functions_of_each_python(version: str, major: str) -> None:
    archive = build_package(APP, version).archive
    found = {name.split("/")[3] for name in names(archive) if name.startswith(f"{SITE_PACKAGES}/azure_functions-")}
    assert [name.split("-")[1].split(".")[0] for name in found] == [major]
