"""The charge point's end: dial, boot, beat, and come back when the link is lost."""
