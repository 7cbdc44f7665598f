"""Plays kubectl: forwards to a port that is there anyway, and writes down what it was asked."""

import json
import os
import signal
import sys

arguments = sys.argv[1:]
with open(os.environ["FAKE_KUBECTL_LOG"], "a", encoding="utf-8") as log:
    print(json.dumps({"pid": os.getpid(), "arguments": arguments}), file=log)
words = [one for one in arguments if not one.startswith("--")]
failing = os.environ.get("FAKE_KUBECTL_FAILS")
if failing and " ".join(words).startswith(failing):
    sys.exit(os.environ.get("FAKE_KUBECTL_SAYS") or "Error from server (Forbidden): you may not")
if words[0] == "config":
    print("shop", end="")
elif words[0] == "get":
    object_of = os.path.join(os.environ["FAKE_KUBECTL_OBJECTS"], f"{words[1]}.{words[2]}.json")
    if not os.path.exists(object_of):
        sys.exit(f'Error from server (NotFound): {words[1]} "{words[2]}" not found')
    with open(object_of, encoding="utf-8") as file:
        print(file.read())
elif words[0] == "create":
    print("token-of-kubectl")
elif words[0] == "port-forward":
    print(f"Forwarding from 127.0.0.1:{os.environ['FAKE_KUBECTL_PORT']} -> 8080", flush=True)
    print("Handling connection for 8080", flush=True)
    signal.pause()
