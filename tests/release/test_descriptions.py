"""What a package index shows of our distributions, and the README of a source distribution: nothing leads nowhere."""

import re
import subprocess
import sys
import tarfile
from email import message_from_bytes
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = {"library": ROOT, "engine": ROOT / "local" / "policy_engine"}
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]*)[^)]*\)")


class Distribution(NamedTuple):
    files: frozenset[str]
    readme: str
    description: str


@pytest.fixture(scope="module", params=SOURCES)
def distribution(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Distribution:
    """A source distribution, built now. A wheel is built from one, and has its description."""
    folder = tmp_path_factory.mktemp("sdist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(folder)],
        cwd=SOURCES[request.param], check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    with tarfile.open(next(folder.iterdir())) as archive:
        names = {name.partition("/")[2]: name for name in archive.getnames()}

        def content(name: str) -> bytes:
            file = archive.extractfile(names[name])
            assert file is not None
            return file.read()

        described = message_from_bytes(content("PKG-INFO"))
        assert described["Description-Content-Type"] == "text/markdown"
        payload = described.get_payload(decode=True)
        assert isinstance(payload, bytes)
        return Distribution(frozenset(names), content("README.md").decode(), payload.decode())


def test_the_description_leads_somewhere(distribution: Distribution) -> None:
    assert len(distribution.description) > 1000
    assert distribution.description.splitlines()[0] == distribution.readme.splitlines()[0]
    assert [link for link in LINK.findall(distribution.description) if not link.startswith("https://")] == []
    # Other ways to write a link or an image.
    assert not re.search(r"<(img|a) |^\[[^\]]+\]:|\]\[", distribution.description, re.MULTILINE)


def test_the_description_names_what_the_readme_leads_to(distribution: Distribution) -> None:
    for link in LINK.finditer(distribution.readme):
        words, page = link[0].partition("](")[0].lstrip("!["), link[1].partition("#")[0]
        assert words in distribution.description
        assert page in distribution.description or words.casefold() in page.casefold()


def test_the_readme_of_the_sources_leads_to_what_they_have(distribution: Distribution) -> None:
    folders = {str(parent) for file in distribution.files for parent in Path(file).parents}
    missing = [
        link
        for link in LINK.findall(distribution.readme)
        if not link.startswith("https://") and link.partition("#")[0] not in distribution.files | folders
    ]
    assert missing == []
