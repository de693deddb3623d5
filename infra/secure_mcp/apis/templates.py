"""Policy documents as Jinja2 templates, with `[[ ]]` and `[% %]` as delimiters, which mean nothing in policy XML or C#."""

import base64
import hashlib
import re
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import cast

import jinja2
import platformdirs

from . import redirects
from .colours import Palette

_CACHE_FORMAT = "1"
"""Goes up when the same templates compile to something else, because delimiters or extensions have changed."""


@cache
def directory() -> Path:
    """The folder `policies`: in the package, or beside `infra` in a checkout."""
    packaged = Path(__file__).parents[1] / "policies"
    return packaged if packaged.is_dir() else Path(__file__).parents[3] / "policies"


class _CompiledTemplates(jinja2.FileSystemBytecodeCache):
    """Compiled templates in a folder that is this user's alone; where there can be none, they are compiled each time."""

    def load_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
        with suppress(OSError):
            super().load_bytecode(bucket)

    def dump_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
        with suppress(OSError):
            Path(self.directory).mkdir(parents=True, exist_ok=True, mode=0o700)
            super().dump_bytecode(bucket)


@cache
def environment() -> jinja2.Environment:
    """The environment in which every policy document is rendered."""
    compiled = platformdirs.user_cache_path("secure-mcp", appauthor=False) / f"policies-{_CACHE_FORMAT}"
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(directory()),
        bytecode_cache=_CompiledTemplates(str(compiled)),
        variable_start_string="[[",
        variable_end_string="]]",
        block_start_string="[%",
        block_end_string="%]",
        comment_start_string="[#",
        comment_end_string="#]",
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        # Policy documents are not HTML; what settings put into them is validated and escaped by the filters below.
        autoescape=False,  # noqa: S701
    )
    environment.filters.update(cs=_csharp_string, cs_array=_csharp_array, cs_chars=_csharp_characters, regex=re.escape)
    environment.globals.update(inline=_inline, page=_page, style_hash=_style_hash, redirects=redirects)  # pyright: ignore[reportArgumentType]
    return environment


def _csharp_string(text: str) -> str:
    """A C# string literal. Named-value braces would be substituted inside it, so they are refused."""
    if "{{" in text or "}}" in text:
        raise ValueError(f"{text!r} cannot stand in a policy: API Management reads {{{{ }}}} as a named value")
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'


def _csharp_array(items: Iterable[str]) -> str:
    """A C# array of strings, also when it is empty."""
    return "new string[] { " + ", ".join(_csharp_string(item) for item in items) + " }"


def _csharp_characters(text: str) -> str:
    """C# character literals, as arguments of a call."""
    return ", ".join(f"'{character}'" for character in text)


@jinja2.pass_context
def _inline(context: jinja2.runtime.Context, name: str, folder: str = "fragments") -> str:
    """The elements of a fragment, for use in another one: API Management does not let fragments nest. Of another folder:
    a part of one document that stands in a file of its own."""
    text = context.environment.get_template(f"{folder}/{name}.xml").render(context.get_all())
    match = re.search(r"<fragment>\n(.*)</fragment>", text, re.DOTALL)
    if not match:
        raise ValueError(f"policies/{folder}/{name}.xml has no <fragment> element")
    return match[1].rstrip()


@jinja2.pass_context
def _page(context: jinja2.runtime.Context, name: str, **values: str) -> str:
    """A C# expression that gives the HTML page `policies/pages/<name>.html` as a string.

    The page is a template with the settings of its policy. Each `%name%` in it is replaced by the C# expression of that name,
    which must give safe HTML.
    """
    html = _minified(context.environment.get_template(f"pages/{name}.html").render(_given(context)))
    used = set(re.findall(r"%(\w+)%", html))
    if used != set(values):
        raise ValueError(f"policies/pages/{name}.html uses {sorted(used)}, its policy gives {sorted(values)}")
    parts = re.split(r"%(\w+)%", html)
    literals = [_verbatim(part) for part in parts[::2]]
    holes = [f"({values[key]})" for key in parts[1::2]]
    return " + ".join(text for pair in zip(literals, [*holes, ""], strict=True) for text in pair if text)


def _given(context: jinja2.runtime.Context) -> dict[str, object]:
    return {"settings": _settings(context), "style": style(_settings(context))}


def _settings(context: jinja2.runtime.Context) -> Palette:
    return cast("Palette", context.resolve("settings"))


def _verbatim(text: str) -> str:
    if "{{" in text or "}}" in text:
        raise ValueError("a page cannot contain {{ or }}: API Management reads them as a named value")
    return '@"' + text.replace('"', '""') + '"'


def _minified(html: str) -> str:
    """The page without what only its author needs: one line per line that carries something."""
    return "\n".join(line.strip() for line in html.splitlines() if line.strip()) + "\n"


def style(settings: Palette) -> str:
    """The style sheet that all pages carry, in these colours, one rule per line."""
    css = environment().get_template("pages/style.css").render(settings=settings)
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    return re.sub(r"\s*\n\s*", " ", css).strip().replace("}}", "} }")


@jinja2.pass_context
def _style_hash(context: jinja2.runtime.Context) -> str:
    """Hash source of the style sheet for `Content-Security-Policy: style-src` (CSP Level 3, section 2.3.1)."""
    return "sha256-" + base64.b64encode(hashlib.sha256(style(_settings(context)).encode()).digest()).decode()
