"""From a source video to the square frames and sound of its clips."""
