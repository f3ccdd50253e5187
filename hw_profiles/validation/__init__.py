"""Published figures beside ours: one TOML file per publication, misses included (docs/validation.md)."""
