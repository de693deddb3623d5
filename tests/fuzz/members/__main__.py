"""Asks .NET about every member, and writes what it says and the page that tells what is modelled.

PYTHONPATH=tests python -m fuzz.members           # the page only
PYTHONPATH=tests python -m fuzz.members --ask     # asks again
"""

import argparse
import sys

from fuzz.comparison import kept
from fuzz.lines import written
from fuzz.members.cases import FILE, asked
from fuzz.members.page import PAGE, page
from fuzz.oracle import OracleError, answers


def main() -> None:
    options = argparse.ArgumentParser(
        prog="fuzz.members", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--ask", action="store_true", help="ask .NET, and record its answers")
    if options.parse_args().ask:
        lines = [line for _, line in asked()]
        try:
            real = answers(lines)
        except OracleError as error:
            sys.exit(str(error))
        told = [{**line, "expect": kept(real[line["id"]])} for line in lines if "failure" not in real[line["id"]]]
        with FILE.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(map(written, told))
        print(f"{len(told)} answers of .NET in {FILE.name}")
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
