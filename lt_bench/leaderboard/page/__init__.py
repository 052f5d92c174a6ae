"""The leaderboard's HTML page."""
