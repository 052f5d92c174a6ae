"""Identity, color and sharpness of long videos against time."""
