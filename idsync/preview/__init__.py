"""What-if: recorded calls replayed with other settings, and how the outcome differs from what happened."""
