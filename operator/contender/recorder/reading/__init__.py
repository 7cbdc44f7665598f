"""From captured bodies to rows, predictions, and what of the bodies may be stored."""
