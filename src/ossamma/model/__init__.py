"""The OSSAMMA encoder, its parts and heads, on Hugging Face conventions."""
