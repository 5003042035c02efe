"""The operators' pages in the browser. A screen is one module with its routes, its templates and its words."""
