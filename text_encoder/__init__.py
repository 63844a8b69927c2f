"""Text to unit vectors, the same in the server and in the Rasa engine; depends on numpy alone."""

from text_encoder.encoder import Encoder, load
from text_encoder.errors import EncoderError

__all__ = ["Encoder", "EncoderError", "load"]
