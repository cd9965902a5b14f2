"""A model and sentences that are made from templates -> what it gets wrong, capability by capability."""
