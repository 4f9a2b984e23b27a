"""Answer a learner with other software on the same provider and the same stages, to compare the latency."""
