"""Between messages and the model, requests, answers and errors."""
