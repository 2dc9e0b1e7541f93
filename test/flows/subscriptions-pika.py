"""Awkward requests for subscriptions: `edges`, and `leave`, which does not wait for its answer."""
import json
import os
import sys
import uuid

import pika

EXCHANGE = os.environ["MESSAGE_PREFIX"] + "SUBSCRIPTIONS"
ANSWER_SECONDS = 60

connection = pika.BlockingConnection(pika.URLParameters(os.environ["RABBITMQ_URL"]))
channel = connection.channel()
channel.confirm_delivery()
replies = channel.queue_declare("", exclusive=True).method.queue


def send(routing_key, body, **properties):
    properties = pika.BasicProperties(delivery_mode=2, **properties)
    channel.basic_publish(EXCHANGE, routing_key, json.dumps(body), properties, mandatory=True)


def answer():
    for _method, properties, body in channel.consume(
        replies, auto_ack=True, inactivity_timeout=ANSWER_SECONDS
    ):
        if body is None:
            sys.exit("There is no answer.")
        return [properties.correlation_id, body.decode()]


def edges():
    twice = {"message_id": str(uuid.uuid4()), "reply_to": replies}
    results = {}
    send("SUBSCRIPTIONS_PURCHASED", {"user_id": "twice"}, correlation_id="1st", **twice)
    results["first"] = answer()
    send("SUBSCRIPTIONS_PURCHASED", {"user_id": "twice"}, correlation_id="2nd", **twice)
    results["second"] = answer()
    send("SUBSCRIPTIONS_PURCHASED", {"user_id": "no-id"}, correlation_id="3rd", reply_to=replies)
    results["without_id"] = answer()
    send("SUBSCRIPTIONS_CANCELED", {"id": json.loads(results["without_id"][1])["subscription"]["id"]})
    print(json.dumps(results))


def leave():
    request = {"message_id": str(uuid.uuid4()), "correlation_id": "gone", "reply_to": replies}
    send("SUBSCRIPTIONS_PURCHASED", {"user_id": "gone"}, **request)
    channel.queue_delete(replies)


{"edges": edges, "leave": leave}[sys.argv[1]]()
connection.close()
