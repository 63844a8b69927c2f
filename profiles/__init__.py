"""One customer over all channels: identities, traits, events."""
