"""Generated from proto/idsync/v1 by scripts/gen_proto.py; never edited by hand."""
