"""Taking things back: split, revert, forbid."""
