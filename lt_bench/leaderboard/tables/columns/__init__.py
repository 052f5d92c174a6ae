"""Columns of a leaderboard, from which every writer takes headings and cells."""
