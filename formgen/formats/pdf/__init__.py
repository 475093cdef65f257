"""PDF forms: laid out and made fillable here, filled in whatever viewer people have."""
