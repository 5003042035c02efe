"""The audit chain: complete, in order, one chain whoever appends, and every later change is found."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine, delete, func, insert, select, update

from mailbot.audit import chain
from mailbot.audit.verify import Check, verify
from mailbot.storage.desk import audit, audit_head, desk_text
from mailbot.storage.schema import inbox, ticket, ticket_event

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
