"""What the digits example stands on: its data, its two trainings, its pictures."""
