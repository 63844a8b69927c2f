"""What runs inside the Rasa engine: graph components, gateway, tracker store, training."""
