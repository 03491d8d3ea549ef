"""Scenarios: files of small stories, run on a configuration or on a live service.

`reading` makes cases of files, `runner` runs them on a `surface`, `report` says what came of it: for people,
or as one JSON document. The format is described in docs/scenarios.md.
"""
