"""Other engines that apply forests, one file each, run in processes of their own."""
