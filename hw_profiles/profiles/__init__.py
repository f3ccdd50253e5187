"""Profiles shipped as TOML files."""
