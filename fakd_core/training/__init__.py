"""The distillation trainer."""
