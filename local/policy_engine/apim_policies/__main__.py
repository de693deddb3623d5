"""`python -m apim_policies`: the command `apim-policies`."""

from apim_policies.command import main

main()
