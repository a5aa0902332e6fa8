"""Media that have an address: fetched as they come, by the way that sessions take too."""
