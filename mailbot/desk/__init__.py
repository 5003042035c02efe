"""The desk: what a person may do with a ticket, and what happens then."""
