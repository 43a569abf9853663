"""The engine: split, plan, tasks, store, execution."""
