"""APIs of the gateway: operations, named values, and the policy documents that are rendered from templates."""
