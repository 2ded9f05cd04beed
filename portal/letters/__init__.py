"""What we send: letters wait in the store and leave after the commit."""
