"""Two nodes of the real program in a folder, driven by its command line, until both have exported receipts."""

import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

PATIENCE_S = 60


def free_ports(count):
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


class Node:
    def __init__(self, program, folder, label, port):
        self.program, self.folder, self.label = program, Path(folder), label
        self.name, self.data, self.process = f"service-{label}.example", self.folder / label, None
        self.passphrase = self.folder / "passphrase"
        self.passphrase.write_text("otter lantern gravel\n")
        made = self.say("nobody", "init", "--name", self.name, "--contact", "duty desk, +00 100",
                        "--address", f"127.0.0.1:{port}")
        self.fingerprint, self.words, self.secret = made["fingerprint"], made["words"], made["secret"]

    def environment(self, who):
        return {"PATH": os.environ["PATH"], "FOREWARN_SESSION": str(self.folder / f"{self.label}-{who}.session")}

    def say(self, who, *words):
        done = subprocess.run(
            [self.program, "--data", self.data, "--json", *words], env=self.environment(who),
            stdin=subprocess.DEVNULL, capture_output=True, timeout=PATIENCE_S, check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{self.name}: {words}: {done.stdout.decode()}{done.stderr.decode()}")
        return json.loads(done.stdout)

    def serve(self):
        log = (self.folder / f"{self.label}.log").open("wb")
        self.process = subprocess.Popen(
            [self.program, "--data", self.data, "--json", "serve"], env=self.environment("nobody"),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
        )
        line = self.process.stdout.readline()
        if b"ready" not in line:
            raise RuntimeError(f"{self.name} does not start: {line!r}")

    def activate(self, who, secret):
        file = self.folder / f"{self.label}-{who}.secret"
        file.write_text(secret + "\n")
        self.say(who, "activate", who, "--secret-file", str(file), "--passphrase-file", str(self.passphrase))

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def meets(self, other):
        card = self.folder / f"{other.label}.card"
        card.write_text(other.say("desk", "card")["card"])
        self.say("desk", "partner", "add", str(card))
        self.say("desk", "partner", "confirm", other.name, "--heard", other.words)

    def thanks(self, other, count):
        for n in range(count):
            self.say("desk", "thank", "--to", other.name, "--from-role", "duty officer", "--text", f"thanks {n} " * (7 * n + 1))
            self.until_receipted(n + 2)

    def log(self):
        (partner,) = self.say("desk", "partner", "list")
        return next((c for c in partner["channels"] if c["side"] == "ours"), None)

    def until_receipted(self, size):
        begun = time.monotonic()
        while True:
            log = self.log()
            if log is not None and log["receipted"] >= size:
                return log
            if time.monotonic() - begun > PATIENCE_S:
                raise RuntimeError(f"{self.name}: no receipt for {size} entries: {log}")
            time.sleep(0.05)


def export_all(program, folder, entries):
    """Exports every receipt from both sides. Gives (folder, exporting node, giver, receiver) for each."""
    ports = free_ports(2)
    nodes = []
    try:
        for label, port in zip("ab", ports):
            nodes.append(Node(program, folder, label, port))
        for node in nodes:
            node.serve()
            node.activate("operator", node.secret)
            invited = node.say("operator", "person", "invite", "desk", "--role", "desk", "--role", "liaison")
            node.activate("desk", invited["invitation"]["secret"])
        a, b = nodes
        a.meets(b)
        b.meets(a)
        a.thanks(b, entries)
        b.thanks(a, 1)
        found = []
        for giver, receiver in ((a, b), (b, a)):
            log = giver.log()
            for node in nodes:
                for index in range(log["size"]):
                    to = Path(folder) / f"receipt-{giver.label}-{index}-from-{node.label}"
                    entry = f"{log['origin'].rsplit('/')[-1]}/{index}"
                    node.say("desk", "receipt", "export", entry, "--to", str(to), "--why", "foreign verification")
                    found.append((to, node, giver, receiver))
        return found
    finally:
        for node in nodes:
            node.stop()
