"""The knowledge graph: mentions that stay, entities that are views, edges with evidence."""
