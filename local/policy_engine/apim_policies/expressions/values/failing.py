"""The exceptions that the runtime throws most."""

from typing import Never

from apim_policies.expressions.values.failures import CSharpException


def null_reference() -> CSharpException:
    return CSharpException("System.NullReferenceException", "Object reference not set to an instance of an object.")


def missing() -> Never:
    """Where null has a member looked up."""
    raise null_reference()


def argument_null(name: str = "value") -> CSharpException:
    return CSharpException("System.ArgumentNullException", f"Value cannot be null. (Parameter '{name}')")


def out_of_range(name: str = "index") -> CSharpException:
    return CSharpException(
        "System.ArgumentOutOfRangeException",
        f"Specified argument was out of the range of valid values. (Parameter '{name}')",
    )


def format_error(message: str = "Input string was not in a correct format.") -> CSharpException:
    return CSharpException("System.FormatException", message)


def invalid_cast(found: str, wanted: str) -> CSharpException:
    return CSharpException(
        "System.InvalidCastException", f"Unable to cast object of type '{found}' to type '{wanted}'."
    )


def invalid_operation(message: str) -> CSharpException:
    return CSharpException("System.InvalidOperationException", message)
