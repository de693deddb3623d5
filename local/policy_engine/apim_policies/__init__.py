"""The policy engine: reads, checks and runs policies of Azure API Management."""
