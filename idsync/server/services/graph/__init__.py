"""What GraphService answers, by what is asked: profiles, the past, reasons, undo, what-if."""
