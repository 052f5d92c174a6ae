"""The videos of a comparison: reference set, generated videos, their pairing, and decoding."""
