"""The connector to CSD: the events of tickets that it is told, in their order, by signed webhooks."""
