"""The report: its schema, its numbers, its renderings."""
