"""The public estimators and transformers, one file each."""
