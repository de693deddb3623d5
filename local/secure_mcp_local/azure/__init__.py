"""What stands in for the services of Azure, one package each."""
