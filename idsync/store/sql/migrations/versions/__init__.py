"""Schema changes by number; they ship in the wheel and run by `idsync db upgrade`."""
