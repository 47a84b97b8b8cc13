"""From images to tiles and back: halos, tiles, lazy arrays, named arrays."""
