"""How far features are from the libraries whose numbers they promise."""
