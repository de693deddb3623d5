"""What every component needs of Azure: roles, locks, logs, networks, key vaults."""
