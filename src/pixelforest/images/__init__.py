"""What an image is: axes, channels, containers (recognised by duck typing) and label rules."""
