"""Processes that are measured: how long until they are ready, and how much memory they took."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psutil

# Bytecode is written and used, as it is for users.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

PROGRAM = "secure_mcp_local.recording.process"
"""Runs programs for another process, as which it counts."""


@dataclass(frozen=True)
class Run:
    seconds: float
    memory: float
    """MB, at the end or at its highest while it ran."""
    processor: float
    """Seconds of processor time: what else the machine does adds little to them."""


def finished(command: Sequence[str], **options: Any) -> Run:
    """Runs a command to its end."""
    started, memory, busy = time.perf_counter(), 0.0, 0.0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENVIRONMENT, **options) as process:  # fmt: skip
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            memory, busy = max(memory, _memory(watched)), max(busy, processor(watched))
            time.sleep(0.005)
    seconds = time.perf_counter() - started
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}")
    return Run(seconds, memory, busy)


@contextmanager
def ready(command: Sequence[str], **options: Any) -> Iterator[tuple[str, Run, psutil.Process]]:
    """A process that runs until the end of the block: its first line, what it took until then, and the process."""
    started = time.perf_counter()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=ENVIRONMENT, text=True, **options
    ) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line:
                sys.exit(f"{' '.join(command)} ended before it was ready")
            seconds = time.perf_counter() - started
            watched = psutil.Process(process.pid)
            ours = [watched, *(child for child in watched.children() if PROGRAM in child.cmdline())]
            yield line, Run(seconds, sum(map(_memory, ours)), sum(map(processor, ours))), watched
        finally:
            process.terminate()
            process.wait(60)


def processor(process: psutil.Process) -> float:
    """Seconds of processor time that the process has taken, without its children."""
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return times.user + times.system


def _memory(process: psutil.Process) -> float:
    """MB of the process, without its children."""
    try:
        return process.memory_info().rss / 1e6
    except psutil.Error:
        return 0.0
