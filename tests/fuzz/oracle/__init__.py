"""Real C#: what .NET answers to expressions.

Expressions are compiled by Roslyn as C# 7 and run by .NET Core 3.1 with Newtonsoft.Json 12, against a `context` written from
Microsoft's reference (csharp/). Compiler and runtime are npm packages, pinned by package-lock.json and the same everywhere, so
that an answer depends on nothing that a machine has. Linux on x64 only; the tests need none of it.
"""

from fuzz.oracle.answers import answers
from fuzz.oracle.failure import OracleError

__all__ = ["OracleError", "answers"]
