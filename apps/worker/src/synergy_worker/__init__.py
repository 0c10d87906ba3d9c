"""The worker and the scheduler: background work, thin over the domain."""
