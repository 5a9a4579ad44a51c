"""The company's documents: kept encrypted, read in, searched. Knows nothing of cameras, and nothing of the dashboard's pages."""
