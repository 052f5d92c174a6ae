"""Plans, costs, status and reports of a preparation."""
