"""Measurements, beside the official Python SDK on the same loopback server; see README.md."""
