"""What the recorder answers over HTTP. The paths begin with the version of what they answer."""
