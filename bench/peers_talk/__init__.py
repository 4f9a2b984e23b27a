"""What answers a learner with the same provider and the same stages, but is not us: to compare the waiting with."""
