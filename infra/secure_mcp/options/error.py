"""What is said about a value that cannot work."""

import pulumi


class ConfigError(pulumi.RunError):
    """A value that cannot work: names the key, the value and the fix."""

    def __init__(self, key: str, value: object, problem: str) -> None:
        super().__init__(f"configuration {key} = {value!r}: {problem}")
        self.key, self.value, self.problem = key, value, problem

    def within(self, key: str) -> "ConfigError":
        """The same, said of a part of what `key` names."""
        return ConfigError(f"{key}.{self.key}", self.value, self.problem)


def key_of(name: str) -> str:
    """The configuration key of an option: `apim_sku` is `apimSku`."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
