"""Reading of videos, sound and pictures at fixed rates and ranges, and reproducible writing of complete files."""
