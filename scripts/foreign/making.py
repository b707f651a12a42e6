"""Folders made here from nothing: keys, statements, entries, trees, checkpoints, cosignatures, proofs."""

import base64

from scitt_cose import merkle

from c2sp import COSIGNATURE_TYPE, NOTE_TYPE, Signer, b64, checkpoint_text, commitment, proof_text, sha256

GIVER, RECEIVER = "service-x.example", "service-y.example"
HELD = 1_796_911_328


def seed(role):
    return sha256(f"foreign test key: {role}".encode())


class Channel:
    """A channel from one party to another, with as many entries as a test wants."""

    def __init__(self, giver=GIVER, receiver=RECEIVER, use="actual", neutral=0, witnesses=0):
        self.giver = Signer(giver, NOTE_TYPE, seed(f"{giver} identity"))
        self.receiver = Signer(receiver, NOTE_TYPE, seed(f"{receiver} identity"))
        self.cosigner = Signer(f"{receiver}/cosigner", COSIGNATURE_TYPE, seed(f"{receiver} cosigner"))
        self.witnesses = [
            Signer(f"witness-{n}.example", COSIGNATURE_TYPE, seed(f"witness {n}")) for n in range(1, witnesses + 1)
        ]
        self.use, self.neutral = use, neutral
        parties = (
            f"use {use}\ngiver {self.giver.verifier}\nreceiver {self.receiver.verifier}\n"
            f"nonce {b64(seed(f'nonce {giver} {receiver}'))}\n"
        )
        self.origin = "forewarn/log/" + sha256(f"forewarn/origin/v1\n{parties}".encode()).hex()
        self.log = Signer(self.origin, NOTE_TYPE, seed(f"{giver} {receiver} log"))
        text = f"forewarn/channel/v1\norigin {self.origin}\n{parties}after -\nfrom 0\n"
        text += f"log {self.log.verifier}\ncosigner {self.cosigner.verifier}\nneutral {neutral}\n"
        text += "".join(f"witness {witness.verifier}\n" for witness in self.witnesses)
        self.statement = f"{text}\n{self.giver.line(text)}{self.receiver.line(text)}".encode()
        self.entries, self.salts = [], []
        self.append("channel.opened", "text/plain", self.statement, thread="0" * 32)

    def append(self, kind, media, body, seen="-", thread="0123456789abcdef0123456789abcdef"):
        index = len(self.entries)
        header = (
            f"forewarn/entry/v1\norigin {self.origin}\nindex {index}\nwritten 2026-12-10T14:02:05Z\nseen {seen}\n"
            f"kind {kind}\nthread {thread}\nanswers -\nmedia {media}\nlength {len(body)}\n\n"
        ).encode()
        content = header + body
        size = next(1024 << k for k in range(11) if 1024 << k >= len(content))
        self.entries.append(content + bytes(size - len(content)))
        self.salts.append(seed(f"salt {self.origin} {index}"))

    def leaves(self, size):
        return [commitment(salt, entry).hex() for salt, entry in zip(self.salts[:size], self.entries[:size])]

    def root(self, size):
        return bytes.fromhex(merkle.merkle_root(self.leaves(size)))

    def checkpoint(self, size, root=None, cosigned=HELD, neutrals=()):
        """The checkpoint with the log's line, the receiver's unless `cosigned` is None, and these witnesses'."""
        text = checkpoint_text(self.origin, size, root or self.root(size))
        note = f"{text}\n{self.log.line(text)}"
        if cosigned is not None:
            note += self.cosigner.cosignature(text, cosigned)
        return note + "".join(self.witnesses[n].cosignature(text, HELD + 5) for n in neutrals)

    def policy(self):
        text = f"log {self.log.verifier}\nwitness receiver {self.cosigner.verifier}\n"
        if not self.witnesses:
            return text + "quorum receiver\n"
        for n, witness in enumerate(self.witnesses, 1):
            text += f"witness neutral{n} {witness.verifier}\n"
        names = " ".join(f"neutral{n}" for n in range(1, len(self.witnesses) + 1))
        return text + f"group neutral {self.neutral} {names}\ngroup receipt all receiver neutral\nquorum receipt\n"

    def receipt(self, index, size, neutrals=(), opposite=None):
        path = [bytes.fromhex(node) for node in merkle.inclusion_proof(self.leaves(size), index)]
        proof = proof_text(self.salts[index], index, path, self.checkpoint(size, neutrals=neutrals))
        files = {
            "channel": self.statement,
            "entry": self.entries[index],
            "policy": self.policy().encode(),
            "receipt.tlog-proof": proof.encode(),
        }
        if opposite is not None:
            files["seen.channel"] = opposite.statement
            files["seen.checkpoint"] = opposite.checkpoint(len(opposite.entries)).encode()
        return files

    def seen(self):
        """What an entry of the opposite channel says of this one."""
        size = len(self.entries)
        return f"{self.origin} {size} {b64(self.root(size))}"

    def evidence(self, accused, first, second, known=()):
        lines = "".join(base64.b64encode(node).decode() + "\n" for node in known)
        return {
            "channel": self.statement,
            "first.checkpoint": first.encode(),
            "second.checkpoint": second.encode(),
            "conflict": f"forewarn/conflict/v1 {accused}\n{lines}".encode(),
        }

    def beginning(self, first, second):
        """Root of the first entries, and the proof that the larger tree begins with them."""
        nodes = merkle.consistency_proof(self.leaves(second), first, second)
        return [self.root(first), *(bytes.fromhex(node) for node in nodes)]

    def trusted(self):
        return self.giver.verifier.fingerprint(), self.receiver.verifier.fingerprint()


def grown(entries, **of):
    """A channel with so many entries, of bodies of many sizes."""
    channel = Channel(**of)
    for n in range(1, entries):
        channel.append("cover", "application/octet-stream", seed(f"body {n}") * (n * n * 3))
    return channel
