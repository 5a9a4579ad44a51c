"""The model's documents for people and auditors: facts of the registry, in German and English, as Markdown and as a page to print."""
