"""The five strategies of the specification (section 7): what a call means, decided purely.

They are found by entry point in the group `idsync.strategies` and never imported by the service.
"""
