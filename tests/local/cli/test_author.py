"""The first minutes of a tool's author with a new project: a mistake is one message, and what is not in the package is missing here as in Azure."""

from pathlib import Path

import pytest

from secure_mcp_local.cloud import LocalCloud
from secure_mcp_local.errors import LocalCloudError
from secure_mcp_local.new_project import write

CODE = "server/function_app.py"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("app = func.FunctionApp()", "app = func.FunctionApp(", "SyntaxError: '(' was never closed"),
        # The new project has locked nothing yet, so its package has nothing but the platform's own, whatever is installed here.
        ("import json\n", "import json\nimport yaml\n", "add the line 'PyYAML' to"),
        ("import json\n", "import json\nimport azure.identity\n", "add the line 'azure-identity' to"),
    ],
    ids=["syntax", "package", "namespace"],
)
async def test_a_mistake_that_is_there_at_the_start_is_one_message_with_the_authors_line_on_top(
    tmp_path: Path, old: str, new: str, expected: str
) -> None:
    write("word-counter", tmp_path / "word-counter")
    file = tmp_path / "word-counter" / CODE
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), "utf-8")
    number = file.read_text("utf-8").splitlines().index(new.splitlines()[-1]) + 1
    with pytest.raises(LocalCloudError) as told:
        async with LocalCloud.open(tmp_path / "word-counter", port=0):
            pass
    first, line, *_ = str(told.value).splitlines()
    assert f"{CODE}:{number}: " in first
    assert expected in first
    assert line.strip() == new.splitlines()[-1]
    assert "Traceback" not in str(told.value)
