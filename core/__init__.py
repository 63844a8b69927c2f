"""What every package stands on; imports nothing of ours."""
