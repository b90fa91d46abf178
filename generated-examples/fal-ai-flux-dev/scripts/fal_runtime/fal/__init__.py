"""The wire, without state: HTTP, what answers mean, the queue, storage."""
