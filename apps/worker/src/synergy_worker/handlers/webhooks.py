"""Jobs of the webhooks domain."""

from __future__ import annotations

from synergy_domain import webhooks
from synergy_platform.jobs import IoHandler, JobHandler

HANDLERS = (
    JobHandler(name=webhooks.FAN_OUT, function=webhooks.fan_out, events=webhooks.FAN_OUT_EVENTS),
    IoHandler(name=webhooks.SEND, function=webhooks.send_delivery),
)
