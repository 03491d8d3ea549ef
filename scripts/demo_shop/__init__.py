"""A shop whose page runs the published web client against a service of its own, with the graph beside it.

    .venv/bin/python -m scripts.demo_shop

`service` starts the service, `changes` brings its journal to the page, `site` serves the page.
"""
