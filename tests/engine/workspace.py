"""A project that the real `pulumi` deploys to the stand-ins: folders of its own for program, state and cloud."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from secure_mcp.publishing.publication import UNREACHABLE
from secure_mcp_local.stand_ins.standing import standing
from secure_mcp_local.stand_ins.store import Store

ROOT = Path(__file__).parents[2]
PASSPHRASE = "of the tests"
_PROGRAM = ("infra", "policies", "function_app", "Pulumi.yaml", "Pulumi.dev.yaml", "Pulumi.prod.yaml")
_TIMEOUT = 180
"""Seconds for one command."""


@dataclass(frozen=True)
class Run:
    """One command of the engine and what it did."""

    exit_code: int
    output: str
    operations: dict[str, str]
    """What was done to each resource, by URN; for a replacement the last step's name begins with `replace`."""
    messages: list[str]
    """What the program told the engine, in order."""

    @property
    def counts(self) -> dict[str, int]:
        """Number of resources for each operation, components and the stack itself left out."""
        return dict(Counter(op for urn, op in self.operations.items() if _custom(urn)))

    def changed(self) -> dict[str, str]:
        """What was done to each resource that did not stay the same, by Pulumi name."""
        return {
            urn.rsplit("::", 1)[-1]: op
            for urn, op in self.operations.items()
            if _custom(urn) and op not in {"same", "refresh", "read"}
        }


@dataclass(frozen=True)
class Workspace:
    """Folders of one deployment. Commands are those of a user, in a process of their own."""

    folder: Path
    stack: str = "dev"
    gateway_url: str | None = None
    program_folder: str = "."
    """Of the program, in the project's folder."""

    @property
    def project(self) -> Path:
        return self.folder / "project" / self.program_folder

    @property
    def store(self) -> Store:
        return Store(self.folder / "cloud")

    @property
    def state(self) -> dict[str, Any]:
        """The engine's own state of the stack, as it lies on disk."""
        name = yaml.safe_load((self.project / "Pulumi.yaml").read_text())["name"]
        file = self.folder / "backend" / ".pulumi" / "stacks" / name / f"{self.stack}.json"
        return json.loads(file.read_text())["checkpoint"]["latest"]

    def secrets(self, type: str, output: str) -> dict[str, str]:
        """An encrypted output of each resource of a type, by Pulumi name, as `pulumi stack export --show-secrets` decrypts it."""
        exported = json.loads(self.pulumi("stack", "export", "--show-secrets").output)
        return {
            resource["urn"].rsplit("::", 1)[-1]: json.loads(resource["outputs"][output]["plaintext"])
            for resource in exported["deployment"]["resources"]
            if resource["type"] == type
        }

    @property
    def names(self) -> set[str]:
        """Pulumi names of what the stack has in the cloud."""
        return {resource.name for resource in self.store if resource.stack == self.stack and not resource.adopted}

    def everything(self) -> dict[str, str]:
        """All that is recorded in the cloud, of every stack, by id, with its whole body; without what belongs to the directory itself."""
        recorded = [r for r in self.store if not r.adopted]
        return {r.id.lower(): json.dumps([r.inputs, r.outputs], sort_keys=True) for r in recorded}

    def functions(self) -> list[str]:
        """Names of the functions in the code that the stack's only function app has."""
        [site] = [r for r in self.store if r.stack == self.stack and r.type == "azure-native:web:WebApp"]
        return self.store.functions(site.id)

    def copied_to(self, folder: Path) -> "Workspace":
        """The same deployment once more: what is done to one is not seen by the other."""
        shutil.copytree(self.folder, folder, symlinks=True, dirs_exist_ok=True)
        return replace(self, folder=folder)

    def within(self, program_folder: str) -> "Workspace":
        """Another project, in a folder of this one."""
        return replace(self, program_folder=program_folder)

    def with_stack(self, stack: str) -> "Workspace":
        """Another stack of the project in the same cloud."""
        shutil.copy(self.project / f"Pulumi.{self.stack}.yaml", self.project / f"Pulumi.{stack}.yaml")
        other = replace(self, stack=stack)
        other.pulumi("stack", "init")
        return other

    def program(self, text: str) -> None:
        """Changes the program of a few lines."""
        (self.project / "__main__.py").write_text(text)

    def preview(self, *, check: bool = True, **config: str) -> Run:
        return self.pulumi("preview", *_config(config), check=check)

    def up(self, *, check: bool = True, faults: str = "", **config: str) -> Run:
        return self.pulumi("up", "--yes", "--skip-preview", *_config(config), check=check, faults=faults)

    def refresh(self) -> Run:
        return self.pulumi("refresh", "--yes", "--skip-preview")

    def destroy(self) -> Run:
        return self.pulumi("destroy", "--yes", "--skip-preview")

    def pulumi(self, *arguments: str, check: bool = True, faults: str = "") -> Run:
        """Runs the CLI.

        Args:
            arguments: Of `pulumi`.
            check: Whether it must succeed.
            faults: Of the providers.
        """
        log = self.folder / "events.jsonl"
        log.unlink(missing_ok=True)
        events = ["--event-log", str(log)] if arguments[0] in {"preview", "up", "refresh", "destroy"} else []
        stack = [] if arguments[0] in {"package", "install"} else ["--stack", self.stack]
        with self.environment(faults) as environment:
            done = subprocess.run(
                ["pulumi", *arguments, *events, *stack, "--non-interactive"],
                cwd=self.project,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=_TIMEOUT,
                check=False,
            )
        assert not check or done.returncode == 0, f"pulumi {' '.join(arguments)}:\n{done.stdout}"
        told = _messages(log) if log.exists() else []
        return Run(done.returncode, done.stdout, _operations(log) if log.exists() else {}, told)

    def interrupted(self, sign: str, faults: str) -> Run:
        """Begins `pulumi up`, and interrupts it as Ctrl-C at a terminal does when a line with this text has been printed.

        Raises:
            AssertionError: there is no such line, or it goes on for as long as trying again may take.
        """
        with self.environment(faults) as environment:
            begun = subprocess.Popen(
                ["pulumi", "up", "--yes", "--skip-preview", "--stack", self.stack, "--non-interactive"],
                cwd=self.project,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                # A group of its own: all of it gets the signal, and the tests do not.
                start_new_session=True,
            )
            assert begun.stdout is not None
            output = ""
            try:
                for line in begun.stdout:
                    output += line
                    if sign in line:
                        break
                assert sign in output, output
                os.killpg(begun.pid, signal.SIGINT)
                try:
                    output += begun.communicate(timeout=UNREACHABLE - 20)[0]
                except subprocess.TimeoutExpired:
                    pytest.fail(f"it goes on after Ctrl-C:\n{output}")
            finally:
                if begun.poll() is None:
                    os.killpg(begun.pid, signal.SIGKILL)
                begun.wait()
        return Run(begun.returncode, output, {}, [])

    @contextmanager
    def environment(self, faults: str = "") -> Generator[dict[str, str]]:
        """Environment variables of `pulumi`, with the stand-ins, which run meanwhile."""
        base = {
            **os.environ,
            "PULUMI_BACKEND_URL": (self.folder / "backend").as_uri(),
            "PULUMI_HOME": str(self.folder / "home"),
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            "PULUMI_ERROR_OUTPUT_STRING": "true",
            # --event-log is hidden without it.
            "PULUMI_DEBUG_COMMANDS": "true",
        }
        # Compiled once, the SDK is imported in a third of the time.
        base.pop("PYTHONDONTWRITEBYTECODE", None)
        with standing(self.folder / "cloud", self.gateway_url, faults, base) as environment:
            yield environment


def copied_project(folder: Path, gateway_url: str | None = None, stack: str = "dev") -> Workspace:
    """This repository's program, in a folder where tests may change it."""
    workspace = replace(_made(folder, gateway_url), stack=stack)
    for name in _PROGRAM:
        source, target = ROOT / name, workspace.project / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    workspace.pulumi("stack", "init")
    # What a user must say, too.
    workspace.pulumi("config", "set", "apimPublisherEmail", "me@contoso.com")
    return workspace


def small_project(folder: Path, program: str) -> Workspace:
    """A program of a few lines."""
    workspace = _made(folder, None)
    (workspace.project / "Pulumi.yaml").write_text(
        "name: small\nruntime: {name: python, options: {virtualenv: .venv}}\n"
    )
    workspace.program(program)
    workspace.pulumi("stack", "init")
    return workspace


def copied_examples(folder: Path, *names: str, gateway_url: str | None = None) -> Workspace:
    """Examples beside each other, each in a folder of its name, with their stacks: `within` is one of them."""
    workspace = _made(folder, gateway_url)
    for name in names:
        shutil.copytree(ROOT / "examples" / name, workspace.project / name)
    venv = json.dumps({"name": "python", "options": {"virtualenv": sys.prefix}})
    for settings in sorted(workspace.project.rglob("Pulumi.yaml")):
        settings.write_text(settings.read_text().replace("runtime: python", f"runtime: {venv}"))
        workspace.within(str(settings.parent.relative_to(workspace.project))).pulumi("stack", "init")
    return workspace


def _made(folder: Path, gateway_url: str | None) -> Workspace:
    for name in ("project", "backend", "home"):
        (folder / name).mkdir(parents=True)
    (folder / "project" / ".venv").symlink_to(sys.prefix)
    return Workspace(folder, "dev", gateway_url)


def _config(config: dict[str, str]) -> list[str]:
    return [word for key, value in config.items() for word in ("--config", f"{key}={value}")]


def _custom(urn: str) -> bool:
    type = urn.split("::")[2].rsplit("$", 1)[-1]
    return not type.startswith(("pulumi:pulumi:", "pulumi:providers:", "secure-mcp:"))


def _messages(log: Path) -> list[str]:
    events = [json.loads(line).get("diagnosticEvent") for line in log.read_text().splitlines()]
    return [event["message"] for event in events if event and event["severity"].startswith("info")]


def _operations(log: Path) -> dict[str, str]:
    """The operation on each URN, from the engine's event log."""
    found: dict[str, str] = {}
    for line in log.read_text().splitlines():
        event = json.loads(line)
        if metadata := event.get("resourcePreEvent", {}).get("metadata"):
            urn, op = metadata["urn"], metadata["op"]
            # A replacement is several steps; its last one may be a plain create or delete.
            if not found.get(urn, "").startswith("replace"):
                found[urn] = op
        elif (metadata := event.get("resOutputsEvent", {}).get("metadata")) and found.get(metadata["urn"]) == "refresh":
            # What a refresh finds is known after it.
            found[metadata["urn"]] = metadata["op"]
    return found
