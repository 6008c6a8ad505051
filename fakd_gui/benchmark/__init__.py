"""The Benchmark workspace: models by sets, scores and costs."""
