"""PDF (ISO 32000-2): what of it a person sees, in every viewer."""
