"""Articles to passages to a FAISS index to quoted answers, or honestly none."""
