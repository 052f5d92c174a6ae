"""Which score sees which damage: known damages of growing strength on real clips, and every score's response."""
