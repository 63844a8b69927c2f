"""From the assistant to people and back: the packet, the queue, the desk."""
