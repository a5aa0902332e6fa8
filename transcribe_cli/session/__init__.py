"""One connection to the service and the rules of keeping one open."""
