"""The embeddings server: OpenAI's API in front of the engine."""
