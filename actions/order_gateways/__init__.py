"""Where orders come from: the demo shop's file, or a merchant's own system over HTTP."""
