"""Asks real C#.

    PYTHONPATH=tests python -m fuzz.oracle '@(1 + 1)' '@{ return context.Request.Method; }'
    PYTHONPATH=tests python -m fuzz.oracle --jsonl < cases.jsonl > answers.jsonl

prints a line of JSON for each expression. `--jsonl` takes the lines that `secure-mcp expression --jsonl` takes: `{"id", "text",
"ctx"}`. Without an expression, the oracle is only installed.
"""

import argparse
import json
import sys
from typing import Any

from fuzz.oracle import OracleError, answers
from fuzz.oracle.installation import install


def main() -> None:
    options = argparse.ArgumentParser(
        prog="fuzz.oracle", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("expressions", nargs="*", metavar="EXPRESSION", help="with @( ) or @{ }")
    options.add_argument("--jsonl", action="store_true", help="read cases from standard input")
    given = options.parse_args()
    cases: list[dict[str, Any]] = [{"id": f"{n}", "text": text} for n, text in enumerate(given.expressions, 1)]
    if given.jsonl:
        cases += [json.loads(line) for line in sys.stdin if line.strip()]
    try:
        if not cases:
            print(install().folder)
            return
        for name, answer in answers(cases).items():
            print(json.dumps({"id": name, **answer}))
    except OracleError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
