"""Words that traces may show: of the Model Context Protocol, JSON-RPC and OAuth."""

from apim_policies.pipeline.disclosure import Vocabulary

VOCABULARY = Vocabulary(
    names=frozenset(
        {
            "jsonrpc", "id", "method", "params", "result", "error", "code", "message", "data", "name", "arguments",
            "cursor", "protocolVersion", "capabilities", "clientInfo", "version", "oauth2", "v2.0", "error_description",
            "expires_in", "ext_expires_in", "session_state", "response_mode", "iss", "grant_types", "response_types",
            "_meta",
        }
    ),
    texts=frozenset(
        {
            "initialize", "ping", "tools/list", "tools/call", "resources/list", "resources/read", "prompts/list",
            "prompts/get", "completion/complete", "logging/setLevel", "notifications/initialized",
            "notifications/cancelled",
        }
    ),
    headers=frozenset({"mcp-protocol-version", "mcp-method"}),
)  # fmt: skip
