"""The product's counters and timers, in one registry, in Prometheus' form."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """What one server process counts; labels never hold ids of people or conversations."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.inbound = Counter(
            "yiti_inbound_messages", "Messages accepted", ["channel", "duplicate"], registry=self.registry
        )
        self.turns = Counter("yiti_turns", "Turns by outcome", ["outcome"], registry=self.registry)
        self.turn_seconds = Histogram(
            "yiti_turn_seconds", "Claim to commit of a turn", buckets=SECONDS, registry=self.registry
        )
        self.engine_seconds = Histogram(
            "yiti_engine_seconds",
            "One request to the engine",
            ["outcome"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self.engine_up = Gauge("yiti_engine_ready", "1 while the engine is ready", registry=self.registry)
        self.outbox = Counter(
            "yiti_outbox_messages", "Deliveries by outcome", ["channel", "outcome"], registry=self.registry
        )
        self.handoffs = Counter("yiti_handoffs", "Handoffs opened", ["reason"], registry=self.registry)
        self.http = Counter("yiti_http_responses", "HTTP answers", ["method", "status"], registry=self.registry)
        self.sockets = Gauge("yiti_sockets", "Open WebSockets", ["kind"], registry=self.registry)

    def render(self) -> bytes:
        """Return everything in the text exposition format."""
        return generate_latest(self.registry)
