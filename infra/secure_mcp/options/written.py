"""The texts that show options: the `config:` block of `Pulumi.yaml`, `docs/options.md` and `docs/components.md`. `make options` writes them.

python -m secure_mcp.options.written
"""

import inspect
import json
import re
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING
from pathlib import Path
from typing import Any, get_args, get_origin

import pulumi

from .declared import Options, bounds_of, default_of, fields_of, shape_of, types_of
from .described import default_text, descriptions, documented
from .error import key_of
from .schema import nested_in, options_of

BEGIN = "# Options: written by make options, from the classes in infra/secure_mcp."
END = "# End of the options."
_SPECIAL = re.compile(r": | #|^\W")
"""What a text of YAML without quotes must not have."""
_KINDS = {bool: "boolean", int: "integer", str: "string"}


def configuration(cls: type[Options]) -> str:
    """The lines of the `config:` block, without the marks around them."""
    texts = descriptions(cls)
    return "".join(
        _key(name, texts[name], types_of(cls)[name], default_of(field))
        for name, field in fields_of(cls).items()
        if bounds_of(field).configured and name != "location"
    )


def _key(name: str, description: str, type: Any, default: Any) -> str:
    plain = shape_of(type).plain
    items = shape_of(get_args(plain)[0]).plain if get_origin(plain) is Sequence else None
    lines = [f"{key_of(name)}:", f"  type: {_kind(plain)}"]
    if items is not None:
        lines += ["  items:", f"    type: {_kind(items)}"]
    if default is not MISSING:
        # A key that is declared without a default must be given in every stack.
        lines.append(f"  default: {_literal(default)}")
    if len(description) <= 100 and not _SPECIAL.search(description):
        lines.append(f"  description: {description}")
    else:
        lines += ["  description: >-", *(f"    {line}" for line in textwrap.wrap(description, 118 - len("      ")))]
    return "".join(f"  {line}\n" for line in lines)


def _kind(plain: Any) -> str:
    return _KINDS.get(plain) or ("array" if get_origin(plain) is Sequence else "object")


def _literal(value: Any) -> str:
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z][A-Za-z0-9 ./:-]*", value):
        return value
    return json.dumps(list(value) if isinstance(value, tuple) else value)


def page(groups: Iterable[tuple[str, str, type[Options]]]) -> str:
    """`docs/options.md`.

    Args:
        groups: Title, introduction and class of each table. What an earlier table has is not repeated.
    """
    lines = [
        "# Options",
        "",
        "Written by `make options` from the classes that declare the options; each is declared once. In `Pulumi.yaml`, and in"
        " programs of other languages, the keys are as here; in Python they are in snake case (`consent_days`).",
    ]
    shown: set[str] = set()
    groups = list(groups)
    nested = sorted({each for _, _, cls in groups for each in nested_in(cls)}, key=lambda cls: cls.__name__)
    for title, introduction, cls in groups:
        lines += ["", f"## {title}", "", introduction, "", *_table(cls, shown)]
        shown |= set(fields_of(cls))
    for cls in nested:
        lines += ["", f"## {cls.__name__}", "", " ".join((cls.__doc__ or "").split()), "", *_table(cls, set())]
    return "\n".join(lines) + "\n"


def components_page(components: Iterable[type], groups: Iterable[tuple[str, str, type[Options]]]) -> str:
    """`docs/components.md`.

    Args:
        components: In the order of the page.
        groups: Tables of `docs/options.md`, which are not repeated.
    """
    lines = [
        "# Components",
        "",
        "Written by `make options` from the classes. Each is `Component(name, args, opts)` of the package `secure_mcp`; `args` is an object"
        " of its options or a mapping with their names. [importing.md](importing.md) says which to take.",
    ]
    groups, components = list(groups), list(components)
    elsewhere = {nested for _, _, cls in groups for nested in nested_in(cls)}
    here = {nested for each in components for nested in nested_in(options_of(each))} - elsewhere
    own = sorted(here, key=lambda cls: cls.__name__)
    links = {cls: "options.md" for cls in elsewhere}
    for component in components:
        options = options_of(component)
        shared = [(title, cls) for title, _, cls in groups if issubclass(options, cls)]
        without = {name for _, cls in shared for name in fields_of(cls)}
        about = inspect.getdoc(component) or ""
        lines += ["", f"## {component.__name__}", "", *about.splitlines()]
        if shared:
            titles = " and ".join(f"[{title}](options.md#{title.lower().replace(' ', '-')})" for title, _ in shared)
            lines += ["", f"Takes the options of {titles}{', and' if without != set(fields_of(options)) else '.'}"]
        if without != set(fields_of(options)):
            lines += ["", *_table(options, without, links)]
        outputs = documented(component)
        if outputs:
            lines += ["", "| output | |", "|---|---|"]
            lines += [f"| `{name}` | {text} |".replace("||", "\\|\\|") for name, text in outputs.items()]
    for cls in own:
        lines += ["", f"## {cls.__name__}", "", " ".join((cls.__doc__ or "").split()), "", *_table(cls, set(), links)]
    return "\n".join(lines) + "\n"


def _table(cls: type[Options], without: set[str], pages: Mapping[Any, str] | None = None) -> list[str]:
    """Rows of options. `pages`: of the classes they link to, if they are on another one."""
    texts = descriptions(cls)
    rows = ["| key | type | default | |", "|---|---|---|---|"]
    for name, field in fields_of(cls).items():
        if name not in without:
            default = default_of(field)
            given = "**required**" if default is MISSING else f"`{text}`" if (text := default_text(default)) else ""
            cells = (
                f"`{key_of(name)}`",
                _type_text(types_of(cls)[name], pages or {}),
                given,
                texts[name].replace("|", "\\|"),
            )
            rows.append(f"| {' | '.join(cells)} |")
    return rows


def _type_text(type: Any, pages: Mapping[Any, str]) -> str:
    plain = shape_of(type).plain
    if plain in _KINDS:
        return _KINDS[plain]
    if plain is Any:
        return "value"
    origin = get_origin(plain)
    if origin is None:
        return f"[{plain.__name__}]({pages.get(plain, '')}#{plain.__name__.lower()})"
    items = _type_text(get_args(plain)[-1], pages)
    return f"list of {items}" if origin is Sequence else f"map to {items}"


def replaced(text: str, lines: str) -> str:
    """A `Pulumi.yaml` with new lines between its marks.

    Raises:
        ValueError: it has no marks.
    """
    begin, end = f"  {BEGIN}\n", f"  {END}\n"
    if begin not in text or end not in text:
        raise ValueError(f"Pulumi.yaml has not the lines {begin.strip()!r} and {end.strip()!r}")
    head, rest = text.split(begin, 1)
    return head + begin + lines + end + rest.split(end, 1)[1]


def texts(root: Path) -> Mapping[Path, str]:
    """What the files should say, by path."""
    import secure_mcp  # noqa: PLC0415  (components import this package)

    from ..secure_mcp_server import GROUPS, SecureMcpServerArgs  # noqa: PLC0415

    components = [
        one
        for name in ("SecureMcpServer", "Gateway", "Server", *dir(secure_mcp))
        if isinstance(one := getattr(secure_mcp, name), type) and issubclass(one, pulumi.ComponentResource)
    ]

    project = root / "Pulumi.yaml"
    return {
        project: replaced(project.read_text(encoding="utf-8"), configuration(SecureMcpServerArgs)),
        root / "docs" / "options.md": page(GROUPS),
        root / "docs" / "components.md": components_page(dict.fromkeys(components), GROUPS),
    }


def main() -> None:
    for path, text in texts(Path.cwd()).items():
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
