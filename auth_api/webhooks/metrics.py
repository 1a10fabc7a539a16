"""What is counted of webhooks."""

from prometheus_client import Counter, Gauge

POSTS = Counter("parley_webhook_posts_total", "Attempts to deliver a batch of notices, by outcome.", ["outcome"])
DELIVERED = Counter("parley_webhook_notices_total", "Notices delivered to WEBHOOK_URL.")
SENDER = Gauge(
    "parley_webhook_sender", "1 on the auth_api that sends webhooks, 0 on one that stands by, -1 without WEBHOOK_URL."
)
SENDER.set(-1)
BACKLOG = Gauge(
    "parley_webhook_backlog",
    "Messages of the stream of notices that are not delivered; each has one notice or more.",
)
OLDEST_SECONDS = Gauge("parley_webhook_oldest_seconds", "Age of the oldest notice that is not delivered; 0 if all are.")
