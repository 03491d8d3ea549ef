"""What works through the queue: groups of batches, attempts, and the count of both."""
