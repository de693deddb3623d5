"""The function app's code as a zip."""

import zipfile
from pathlib import Path

import pytest

from secure_mcp.package import build_package


def test_the_same_sources_make_the_same_package(tmp_path: Path) -> None:
    app = tmp_path / "app"
    (app / "__pycache__").mkdir(parents=True)
    (app / "host.json").write_text("{}")
    (app / "function_app.py").write_text("x = 1\n")
    first, digest = build_package(app)
    (app / "__pycache__" / "x.pyc").write_bytes(b"1")
    (app / "function_app.py").touch()
    assert build_package(app) == (first, digest)
    assert zipfile.ZipFile(first).namelist() == ["function_app.py", "host.json"]
    (app / "function_app.py").write_text("x = 2\n")
    assert build_package(app)[1] != digest


def test_a_folder_without_host_json_is_no_function_app(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"host\.json"):
        build_package(tmp_path)
