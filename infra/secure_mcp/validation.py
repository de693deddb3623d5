"""What configuration has in common: its errors, its types, and the checks that are made before any resource exists."""

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, TypeVar, get_origin

import pulumi

T = TypeVar("T")

BACKEND_AUTH = ("managedIdentity", "functionKey")
# Schemes that a browser opens as pages or runs as scripts.
_DANGEROUS_SCHEMES = {"javascript", "data", "file", "vbscript", "blob", "about", "http", "https"}


class ConfigError(pulumi.RunError):
    """A configuration value that cannot work: names the key, the value and the fix."""

    def __init__(self, key: str, value: object, problem: str) -> None:
        super().__init__(f"configuration {key} = {value!r}: {problem}")


def key_of(field: str) -> str:
    """The configuration key of a field: `apim_sku` is `apimSku`."""
    first, *rest = field.split("_")
    return first + "".join(word.capitalize() for word in rest)


def typed(cls: type[T], values: Mapping[str, Any]) -> T:
    """A dataclass of flags, numbers, texts, lists and maps of texts, made of what somebody wrote.

    None counts as not given. Whole numbers may come as 3.0: that is how the engine hands them to a component provider.

    Raises:
        ConfigError: a key is unknown or missing, or its value has another type.
    """
    known = {field.name: field for field in fields(cls)}  # pyright: ignore[reportArgumentType]
    given = {name: value for name, value in values.items() if value is not None}
    for name, value in given.items():
        if name not in known:
            raise ConfigError(key_of(name), value, f"there is no such key; there are {', '.join(map(key_of, known))}")
    for name, field in known.items():
        if name not in given and field.default is MISSING and field.default_factory is MISSING:
            raise ConfigError(key_of(name), None, "give a value: it has no default")
    return cls(**{name: _typed(name, value, known[name].type) for name, value in given.items()})


def _typed(name: str, value: Any, type: Any) -> Any:
    if isinstance(value, pulumi.Output):
        raise ConfigError(key_of(name), "(output)", "give a plain value: it decides which resources exist")
    if type is int and isinstance(value, float) and value.is_integer():
        return int(value)
    if type in {bool, int, str}:
        if isinstance(value, type) and (type is bool or not isinstance(value, bool)):
            return value
        wanted = {bool: "true or false", int: "a whole number", str: "a string"}[type]
        raise ConfigError(key_of(name), value, f"give {wanted}")
    if get_origin(type) is Mapping:
        if not isinstance(value, Mapping) or not all(isinstance(part, str) for pair in value.items() for part in pair):
            raise ConfigError(key_of(name), value, 'give a map of strings, such as {"a": "b"}')
        return dict(value)
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise ConfigError(key_of(name), value, 'give a list of strings, such as ["a", "b"]')
    return tuple(value)


@dataclass(frozen=True)
class Checks:
    """Checks of an object's fields; what does not hold is a ConfigError."""

    values: object

    def holds(self, name: str, test: Callable[[Any], bool], problem: str) -> None:
        value = getattr(self.values, name)
        if not test(value):
            raise ConfigError(key_of(name), value, problem)

    def one_of(self, name: str, allowed: tuple[str, ...]) -> None:
        self.holds(name, lambda value: value in allowed, f"use one of {', '.join(allowed)}")

    def between(self, name: str, low: int, high: int) -> None:
        self.holds(name, lambda value: low <= value <= high, f"use {low} to {high}")

    def matches(self, name: str, pattern: str, problem: str) -> None:
        self.holds(name, lambda value: re.fullmatch(pattern, value) is not None, problem)

    def each(self, name: str, pattern: str, problem: str) -> None:
        self.holds(name, lambda value: all(re.fullmatch(pattern, item) for item in value), problem)


def check_policy_values(values: object, protocol_versions: str) -> None:
    """Checks what reaches policies, whether it came as a server's configuration or as settings of the gateway alone.

    Args:
        values: object with the fields of `PolicySettings`.
        protocol_versions: name of its field for the protocol versions.
    """
    checks = Checks(values)
    checks.one_of("backend_auth", BACKEND_AUTH)
    checks.each("mcp_scopes", r"[\x21\x23-\x5B\x5D-\x7E]+", "a scope has no spaces, quotes or backslashes")
    checks.each("allowed_origins", r"https?://[a-z0-9.\[\]:-]+", "an origin is scheme://host[:port] in lower case")
    checks.each("redirect_schemes", r"[a-z][a-z0-9+.-]*", "give schemes without a colon")
    checks.each("client_metadata_hosts", r"\*|[a-z0-9-]+(\.[a-z0-9-]+)+", "give host names in lower case, or *")
    checks.each("custom_domains", r"[a-z0-9-]+(\.[a-z0-9-]+)+", "give host names in lower case")
    checks.each("allowed_clients", r"\S+", "give client ids, hosts or schemes")
    checks.each(protocol_versions, r"\d{4}-\d{2}-\d{2}", "a protocol version is a date")
    checks.between("sign_in_rate_limit", 1, 1_000_000)
    checks.between("mcp_rate_limit", 1, 1_000_000)
    checks.between("consent_days", 0, 365)
    checks.between("session_minutes", 1, 60)
    checks.between("refresh_days", 1, 90)
    for name in ("mcp_scopes", protocol_versions):
        checks.holds(name, lambda value: len(value) > 0, "give at least one")
    _check_tools(checks, "tool_scopes")
    _check_tools(checks, "tool_roles")
    _check_tool_scopes(checks)
    checks.holds(
        "tool_roles",
        lambda tools: all(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,119}", role) for role in tools.values()),
        "a role has letters, digits and _ . : - only, and at most 120 of them",
    )
    checks.holds(
        "redirect_schemes",
        lambda value: not _DANGEROUS_SCHEMES & set(value),
        "web and script schemes are not for this list",
    )
    checks.matches("login_endpoint", r"https://[a-z0-9.-]+|http://localhost:\d+", "give https://host without a path")


def _check_tools(checks: Checks, name: str) -> None:
    checks.each(name, r"[A-Za-z0-9_./-]{1,128}", "a tool's name has letters, digits and _ - . / only")
    checks.holds(
        name,
        lambda tools: len({tool.lower() for tool in tools}) == len(tools),
        "two names differ in case only; some servers take both for the same tool",
    )


def _check_tool_scopes(checks: Checks) -> None:
    base, *others = getattr(checks.values, "mcp_scopes")  # noqa: B009  (no type has been named for it)
    checks.holds(
        "tool_scopes", lambda tools: base not in tools.values(), f"every session has {base}; name another scope"
    )
    checks.holds(
        "tool_scopes",
        lambda tools: set(tools.values()) <= set(others),
        "name scopes that mcpScopes has, after its first",
    )
