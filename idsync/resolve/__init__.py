"""From a request to an answer: look, decide, plan, commit."""
