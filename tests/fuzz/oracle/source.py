"""Expressions as a C# program, and what the compiler says about them."""

import re
from collections import defaultdict
from collections.abc import Mapping

_NAMESPACES = (
    "System",
    "System.Collections.Generic",
    "System.IO",
    "System.Linq",
    "System.Security.Cryptography",
    "System.Security.Cryptography.X509Certificates",
    "System.Text",
    "System.Text.RegularExpressions",
    "System.Xml.Linq",
    "Newtonsoft.Json",
    "Newtonsoft.Json.Linq",
    "Apim",
)
_TYPES = {
    "WebUtility": "System.Net.WebUtility",
    "IPAddress": "System.Net.IPAddress",
    "XmlNodeType": "System.Xml.XmlNodeType",
}
"""Types of namespaces that are not open as a whole."""

_ERROR = re.compile(r"^(?:.*/)?case-(\d+)\(\d+,\d+(?:,\d+,\d+)?\): error (CS\d+): (.*)$", re.MULTILINE)


def program(texts: Mapping[int, str]) -> str:
    """The source of `Cases`, which holds each expression as a function, by its number.

    Args:
        texts: expressions, with `@( )` or `@{ }`.
    """
    opened = [f"using {name};\n" for name in _NAMESPACES] + [
        f"using {name} = {full};\n" for name, full in _TYPES.items()
    ]
    entries = [f'        ["{number}"] = Case{number}.Evaluate,\n' for number in texts]
    return "".join(
        [
            *opened,
            "\npublic static class Cases\n{\n",
            "    public static readonly Dictionary<string, Func<IExpressionContext, object>> All =\n",
            "        new Dictionary<string, Func<IExpressionContext, object>>\n    {\n",
            *entries,
            "    };\n}\n",
            *(_case(number, text) for number, text in texts.items()),
        ]
    )


def _case(number: int, text: str) -> str:
    body = text[2:-1]
    if text.startswith("@("):
        body = f"return (\n{body}\n);"
    # The compiler names the case where something is wrong, however many lines it has.
    return (
        f'\n#line 1 "case-{number}"\n'
        f"static class Case{number} {{ public static object Evaluate(IExpressionContext context) {{\n{body}\n}} }}\n"
    )


def mistakes(output: str) -> dict[int, list[tuple[str, str]]]:
    """The errors in what the compiler printed, code and message, by the number of the expression."""
    found: defaultdict[int, list[tuple[str, str]]] = defaultdict(list)
    for match in _ERROR.finditer(output):
        found[int(match[1])].append((match[2], match[3]))
    return dict(found)
