"""The shift report: one document of blocks, drawn as a page for the browser and as PDF from the same figures and words."""
