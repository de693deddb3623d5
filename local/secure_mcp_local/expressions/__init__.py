"""API Management policy expressions: C# 7 compiled to Python, right or refused.

expression = compile_expression("@(context.Request.Method)", document="api.xml", line=3, column=18)
value = expression.evaluate(context, profile)
"""

from secure_mcp_local.expressions.expression import Expression, compile_expression
from secure_mcp_local.expressions.failures import CSharpException, ExpressionError
from secure_mcp_local.expressions.profile import Profile
from secure_mcp_local.expressions.scanner import scan_expression
from secure_mcp_local.expressions.values import to_python, to_text

__all__ = [
    "CSharpException",
    "Expression",
    "ExpressionError",
    "Profile",
    "compile_expression",
    "scan_expression",
    "to_python",
    "to_text",
]
