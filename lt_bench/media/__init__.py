"""Video, sound and pictures: reading to fixed rates and ranges, writing whole files with the same bytes every time."""
