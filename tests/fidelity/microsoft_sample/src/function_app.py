"""Tools like the sample's: a greeting, and texts that everybody shares."""

import json

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.FUNCTION)


def _properties(*names: str) -> str:
    return json.dumps([{"propertyName": name, "propertyType": "string", "description": name} for name in names])


@app.generic_trigger(
    arg_name="context", type="mcpToolTrigger", toolName="hello_mcp", description="Hello.", toolProperties="[]"
)
def hello_mcp(context: str) -> str:
    del context
    return "Hello"
