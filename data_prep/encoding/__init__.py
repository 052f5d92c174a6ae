"""From prepared frames to latents and features in a cache."""
