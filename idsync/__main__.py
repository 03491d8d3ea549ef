"""`python -m idsync` is the same program as `idsync`."""

from idsync.cli.main import app

app()
