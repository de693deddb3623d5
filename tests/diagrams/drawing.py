"""SVG that can be read on light and dark pages, made of text, lines and boxes only."""

from collections.abc import Iterable, Sequence
from xml.sax.saxutils import escape

from diagrams.flows import PARTIES, Message
from diagrams.trust import Party, Trust

_STYLE = """
  svg{font:13px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
  .page{fill:#fff;stroke:#d0d7de}.box{fill:#eef3fb;stroke:#5a7fb8}.line{stroke:#5a7fb8;fill:none}.life{stroke:#c4ccd6;stroke-dasharray:3 3}
  text{fill:#1b2430;stroke:#fff;stroke-width:3px;paint-order:stroke}.title{font-size:15px;font-weight:600}.name{font-weight:600;stroke:none}.small{font-size:11px;fill:#556272;font-weight:400}.reply{stroke-dasharray:5 3}
  marker path{fill:#5a7fb8}
  @media(prefers-color-scheme:dark){.page{fill:#161b22;stroke:#30363d}.box{fill:#1f2d44;stroke:#6f9bdb}.line{stroke:#6f9bdb}.life{stroke:#3d4754}
  text{fill:#e6edf3;stroke:#161b22}.small{fill:#9aa7b5}marker path{fill:#6f9bdb}}
"""
_MARKER = (
    '<marker id="to" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
    '<path d="M0 0 8 4 0 8z"/></marker>'
)
_MARGIN = 20
_BEND = 76


def _svg(title: str, width: int, height: int, parts: Iterable[str]) -> str:
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" role="img" aria-label="{escape(title)}">',
            "<!-- Written by `make diagrams`. -->",
            f"<style>{_STYLE}</style><defs>{_MARKER}</defs>",
            f'<rect class="page" x=".5" y=".5" width="{width - 1}" height="{height - 1}" rx="8"/>',
            _text(_MARGIN, 32, title, "title"),
            *parts,
            "</svg>",
            "",
        ]
    )


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> str:
    of = f' class="{kind}"' if kind else ""
    at = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text x="{x:g}" y="{y:g}"{of}{at}>{escape(text)}</text>'


def _box(x: float, y: float, width: float, height: float) -> str:
    return f'<rect class="box" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="5"/>'


def sequence(title: str, messages: Sequence[Message]) -> str:
    """Parties side by side, messages from top to bottom."""
    there = [party for party in PARTIES if any(party in (one.source, one.target) for one in messages)]
    column, top, row = 225, 56, 42
    at = {party: _MARGIN + 70 + column * number for number, party in enumerate(there)}
    first = top + 34
    bottom = first + row * len(messages) + 12
    parts: list[str] = []
    for party, x in at.items():
        parts += [
            f'<path class="life" d="M{x} {first}V{bottom}"/>',
            _box(x - 60, top, 120, 30),
            _text(x, top + 20, party, "name", "middle"),
        ]
    for number, message in enumerate(messages):
        y = first + row * (number + 1) - 12
        start, end = at[message.source], at[message.target]
        dashed = " reply" if message.reply else ""
        if start == end:
            path, middle = f"M{start} {y - 8}h34v12h-28", start + 42
            anchor = "start"
        else:
            path, middle = f"M{start} {y}H{end - 4 if end > start else end + 4}", (start + end) / 2
            anchor = "middle"
        parts += [
            f'<path class="line{dashed}" marker-end="url(#to)" d="{path}"/>',
            _text(middle, y - 6, message.text, "", anchor),
        ]
        if message.note:
            parts.append(_text(middle, y + 14, message.note, "small", anchor))
    return _svg(title, at[there[-1]] + 70 + _MARGIN, bottom + 16, parts)


def network(title: str, trusts: Sequence[Trust]) -> str:
    """Who may on the left, at what on the right, and what on the line between."""
    row, gap, box, words = 38, 16, 46, 375
    left, right = 222, 215
    begin = _MARGIN + left
    end = begin + words
    parts: list[str] = []
    rows: dict[Trust, float] = {}
    y = 56.0
    for who in dict.fromkeys(one.who for one in trusts):
        own = [one for one in trusts if one.who == who]
        height = max(box, row * len(own))
        parts += [_box(_MARGIN, y, left, height), *_named(who, _MARGIN + 12, y + height / 2)]
        for number, one in enumerate(own):
            rows[one] = y + height * (number + 0.5) / len(own)
        y += height + gap
    whole = y
    # What is reached stands where most of the lines to it come from.
    middle = {
        at: sum(rows[one] for one in trusts if one.at == at) / sum(one.at == at for one in trusts)
        for at in dict.fromkeys(one.at for one in trusts)
    }
    places: dict[Party, float] = {}
    pitch = max(box + gap, (whole - 56) / len(middle))
    for number, at in enumerate(sorted(middle, key=lambda at: middle[at])):
        places[at] = 56 + pitch * number + (pitch - gap) / 2
        parts += [_box(end + _BEND, places[at] - box / 2, right, box), *_named(at, end + _BEND + 12, places[at])]
    for one, y in rows.items():
        to = places[one.at]
        parts += [
            f'<path class="line" marker-end="url(#to)" d="M{begin} {y:g}H{end}C{end + _BEND / 2:g} {y:g} {end + _BEND / 2:g} {to:g} {end + _BEND - 2} {to:g}"/>',
            _text(begin + 12, y - 6, one.may),
        ]
    bottom = max(whole, 56 + pitch * len(middle))
    return _svg(title, end + _BEND + right + _MARGIN, round(bottom + 8), parts)


def _named(party: Party, x: float, middle: float) -> list[str]:
    return [_text(x, middle - 3, party.name, "name"), _text(x, middle + 13, party.about, "name small")]
