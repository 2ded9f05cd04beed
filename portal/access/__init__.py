"""Who may do what now: sessions, tickets and the door of every page."""
