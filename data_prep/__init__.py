"""Raw talking-head videos to verified latent caches."""
