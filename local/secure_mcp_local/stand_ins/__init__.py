"""Stand-ins for the providers of Azure, Entra ID and random values, over Pulumi's own protocol.

The real `pulumi` starts them in place of `pulumi-resource-azure-native`, `-azuread` and `-random`; what it deploys is kept in a
store on this machine, from which the local cloud can be served. Ids and outputs are those of the recording's models.
"""
