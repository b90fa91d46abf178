"""The daemon: a process that runs a model's jobs within limits, also for clients that are gone."""
