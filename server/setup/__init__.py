"""Makes a fresh clone ready: environments, pages, encoder, model, index, database."""
