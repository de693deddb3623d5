"""API Management policy expressions: C# 7 compiled to Python, right or refused.

expression = compile_expression("@(context.Request.Method)", document="api.xml", line=3, column=18)
value = expression.evaluate(context, profile)
"""

from apim_policies.expressions.expression import Expression, compile_expression
from apim_policies.expressions.objects.to_python import to_python, to_text
from apim_policies.expressions.profile import Profile
from apim_policies.expressions.scanner import scan_expression
from apim_policies.expressions.values.failures import CSharpException, ExpressionError

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
