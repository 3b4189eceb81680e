"""Which jobs are AI: terms, evidence, features, scores."""
