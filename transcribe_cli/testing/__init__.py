"""The local service in another project's tests: a pytest plugin, and the same without pytest."""
