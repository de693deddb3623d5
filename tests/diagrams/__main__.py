"""Writes the diagrams into `docs/images`."""

import asyncio

from diagrams.page import FOLDER, drawn

for name, text in asyncio.run(drawn()).items():
    (FOLDER / name).write_text(text, encoding="utf-8")
    print(FOLDER / name)
