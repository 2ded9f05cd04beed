"""E-mail Notifications, unsubscribe links, stopping e-mail and post."""
