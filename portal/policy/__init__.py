"""The privacy policy in its versions, and who accepted which."""
