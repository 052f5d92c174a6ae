"""Latent caches and the windows that training draws from them."""
