"""Media at an address, fetched while they arrive, by the same way as sessions."""
