"""The formats of docs/log-format.md, written again from the public C2SP specifications: signed note, tlog-checkpoint,
tlog-cosignature, tlog-proof, tlog-policy, over the Merkle tree of RFC 6962.

Nothing here comes from the Rust code. Ed25519, HMAC and SHA-256 are those of `cryptography`; the Merkle proofs are
verified and made by `scitt_cose.merkle`, which knows RFC 6962/9162 and nothing of these formats.
"""

import base64
import re
import struct

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from scitt_cose import merkle

NUMBER_LIMIT = 1 << 48
NOTE_TYPE, COSIGNATURE_TYPE = 0x01, 0x04


class Refused(Exception):
    """The folder proves nothing."""


def need(condition, why):
    if not condition:
        raise Refused(why)


def sha256(data):
    digest = hashes.Hash(hashes.SHA256())
    digest.update(data)
    return digest.finalize()


def hmac_sha256(key, data):
    mac = hmac.HMAC(key, hashes.SHA256())
    mac.update(data)
    return mac.finalize()


def b64(data):
    return base64.b64encode(data).decode("ascii")


def unb64(text, size=None):
    """Canonical base64 only: decode, encode again, compare."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (ValueError, UnicodeEncodeError) as error:
        raise Refused(f"not base64: {text[:40]!r}") from error
    need(b64(data) == text, "base64 that is not canonical")
    need(size is None or len(data) == size, f"{len(data)} bytes where {size} belong")
    return data


def number(text):
    need(re.fullmatch(r"0|[1-9][0-9]{0,15}", text) is not None, f"not a number: {text[:20]!r}")
    need(int(text) < NUMBER_LIMIT, "a number of 2^48 or more")
    return int(text)


def text_of(data, limit):
    need(len(data) <= limit, f"{len(data)} bytes, {limit} allowed")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused("not UTF-8") from error


# --- signed note: keys and notes ------------------------------------------------------------------------------------


class Verifier:
    """A verifier key: <name>+<hex key id>+<base64(type || key)>."""

    def __init__(self, name, kind, key):
        need(re.fullmatch(r"[!-*,-~]{1,200}", name) is not None, "a name that no key may have")
        self.name, self.kind, self.key = name, kind, key
        self.id = sha256(name.encode() + b"\n" + bytes([kind]) + key)[:4]

    @classmethod
    def parse(cls, text):
        parts = text.split("+", 2)
        need(len(parts) == 3, "not a verifier key")
        typed = unb64(parts[2], 33)
        need(typed[0] in (NOTE_TYPE, COSIGNATURE_TYPE), "a key of another type")
        verifier = cls(parts[0], typed[0], typed[1:])
        need(verifier.id.hex() == parts[1], "a key id that is not that of the key")
        return verifier

    def __str__(self):
        return f"{self.name}+{self.id.hex()}+{b64(bytes([self.kind]) + self.key)}"

    def fingerprint(self):
        return sha256(str(self).encode()).hex()

    def check(self, message, signature):
        try:
            Ed25519PublicKey.from_public_bytes(self.key).verify(signature, message)
        except (InvalidSignature, ValueError) as error:
            raise Refused(f"a signature of {self.name} does not verify") from error


class Signer:
    def __init__(self, name, kind, seed):
        self.private = Ed25519PrivateKey.from_private_bytes(seed)
        raw = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.verifier = Verifier(name, kind, raw)

    def line(self, text):
        """The signature line of a note (type 0x01)."""
        return signature_line(self.verifier, self.private.sign(text.encode()))

    def cosignature(self, text, time):
        """The line of a timed cosignature of a checkpoint (type 0x04)."""
        signed = self.private.sign(cosigned_message(text, time))
        return signature_line(self.verifier, struct.pack(">Q", time) + signed)


def signature_line(verifier, payload):
    return f"\u2014 {verifier.name} {b64(verifier.id + payload)}\n"


def cosigned_message(text, time):
    return f"cosignature/v1\ntime {time}\n{text}".encode()


class Note:
    """A text that ends in a line break, an empty line, and signature lines: (name, key id, payload)."""

    def __init__(self, data):
        whole = text_of(data, 64 * 1024)
        split = whole.rfind("\n\n")
        need(split >= 0, "no empty line before the signatures")
        self.text, signatures = whole[: split + 1], whole[split + 2 :]
        need(all(c == "\n" or ord(c) >= 32 for c in self.text), "a control character in a note")
        need(signatures.endswith("\n"), "no line break at the end")
        self.lines = []
        for line in signatures[:-1].split("\n"):
            match = re.fullmatch("\u2014 ([!-*,-~]+) ([A-Za-z0-9+/=]+)", line)
            need(match is not None, f"not a signature line: {line[:40]!r}")
            payload = unb64(match[2])
            need(len(payload) > 4, "a signature line without a signature")
            self.lines.append((match[1], payload[:4], payload[4:]))
        need(1 <= len(self.lines) <= 16, "no signature, or more than 16")

    def signed_by(self, keys):
        """Every line is of one of these keys, in their order, and verifies. Gives the payloads by key name."""
        found, order = {}, [(key.name, key.id) for key in keys]
        places = []
        for name, key_id, payload in self.lines:
            need((name, key_id) in order, f"a signature line of the unknown key {name}")
            place = order.index((name, key_id))
            key = keys[place]
            if key.kind == NOTE_TYPE:
                key.check(self.text.encode(), payload)
            else:
                need(len(payload) == 72, "not a cosignature")
                time = struct.unpack(">Q", payload[:8])[0]
                need(0 < time < 1 << 63, "a time out of range")
                key.check(cosigned_message(self.text, time), payload[8:])
            places.append(place)
            found[name] = payload
        need(places == sorted(set(places)), "signature lines double or out of order")
        return found


# --- checkpoint, statement, entry, proof, policy --------------------------------------------------------------------


class Checkpoint:
    def __init__(self, data):
        self.note = Note(data)
        lines = self.note.text.split("\n")
        need(len(lines) == 4 and lines[3] == "", "a checkpoint has three lines")
        self.origin, self.size, self.root = lines[0], number(lines[1]), unb64(lines[2], 32)

    def judged(self, statement):
        """Signed by the log, for a size the keys hold for; the cosignatures' times by key name."""
        need(self.origin == statement.origin, "a checkpoint of another log")
        need(self.size >= statement.since, "the keys do not hold for this size yet")
        found = self.note.signed_by([statement.log, statement.cosigner, *statement.witnesses])
        need(statement.log.name in found, "the log has not signed")
        return {
            key.name: struct.unpack(">Q", found[key.name][:8])[0]
            for key in [statement.cosigner, *statement.witnesses]
            if key.name in found
        }


def checkpoint_text(origin, size, root):
    return f"{origin}\n{size}\n{b64(root)}\n"


class Statement:
    def __init__(self, data):
        note = Note(data)
        lines = note.text.split("\n")[:-1]
        need(len(lines) >= 11 and lines[0] == "forewarn/channel/v1", "not a channel statement")
        words = ["origin", "use", "giver", "receiver", "nonce", "after", "from", "log", "cosigner", "neutral"]
        fields = {}
        for word, line in zip(words, lines[1:11]):
            need(line.startswith(word + " "), f"no line `{word}`")
            fields[word] = line[len(word) + 1 :]
        self.witnesses = []
        for line in lines[11:]:
            need(line.startswith("witness "), "a strange line in a channel statement")
            self.witnesses.append(Verifier.parse(line[8:]))
        need(len(self.witnesses) <= 8, "more than eight witnesses")
        need(fields["use"] in ("actual", "exercise"), "no known use")
        self.use = fields["use"]
        self.giver, self.receiver = Verifier.parse(fields["giver"]), Verifier.parse(fields["receiver"])
        unb64(fields["nonce"], 32)
        after = fields["after"].split(" ")
        need(after == ["-"] or len(after) == 3, "no known `after`")
        if len(after) == 3:
            number(after[1]), unb64(after[2], 32)
        self.since, self.neutral = number(fields["from"]), number(fields["neutral"])
        self.log, self.cosigner = Verifier.parse(fields["log"]), Verifier.parse(fields["cosigner"])
        self.origin = fields["origin"]
        hashed = "forewarn/origin/v1\n" + "".join(line + "\n" for line in lines[2:6])
        need(self.origin == "forewarn/log/" + sha256(hashed.encode()).hex(), "an origin that is not that of the parties")
        need(self.log.name == self.origin, "the log key is not named by the origin")
        need(self.cosigner.name == self.receiver.name + "/cosigner", "the cosigner is not the receiver's")
        kinds = [self.giver.kind, self.receiver.kind, self.log.kind]
        need(kinds == [NOTE_TYPE] * 3, "a key of the wrong type")
        cosigners = [self.cosigner, *self.witnesses]
        need(all(key.kind == COSIGNATURE_TYPE for key in cosigners), "a cosigner's key of the wrong type")
        keys = [self.giver, self.receiver, self.log, *cosigners]
        need(len({key.key for key in keys}) == len(keys), "one key twice")
        need(len({key.name for key in keys}) == len(keys), "one name twice")
        need((self.neutral == 0) == (not self.witnesses), "`neutral` does not fit the witnesses")
        need(self.neutral <= len(self.witnesses), "more neutral witnesses needed than there are")
        signed = note.signed_by([self.giver, self.receiver])
        need(len(signed) == 2, "not signed by both")

    def policy(self):
        text = f"log {self.log}\nwitness receiver {self.cosigner}\n"
        if not self.witnesses:
            return text + "quorum receiver\n"
        names = []
        for count, witness in enumerate(self.witnesses, 1):
            text += f"witness neutral{count} {witness}\n"
            names.append(f"neutral{count}")
        text += f"group neutral {self.neutral} {' '.join(names)}\n"
        return text + "group receipt all receiver neutral\nquorum receipt\n"


HEADER = ["origin", "index", "written", "seen", "kind", "thread", "answers", "media", "length"]


class Entry:
    def __init__(self, data):
        end = data.find(b"\n\n")
        need(0 <= end <= 2046, "an entry without a header")
        header = data[: end + 1]
        need(all(byte == 10 or 32 <= byte < 127 for byte in header), "a header that is not printable")
        lines = header.decode("ascii").split("\n")[:-1]
        need(len(lines) == 10 and lines[0] == "forewarn/entry/v1", "not the header of an entry")
        fields = {}
        for word, line in zip(HEADER, lines[1:]):
            need(line.startswith(word + " "), f"no line `{word}`")
            fields[word] = line[len(word) + 1 :]
        self.origin, self.index = fields["origin"], number(fields["index"])
        stamp = r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\dZ"
        need(re.fullmatch(stamp, fields["written"]) is not None, "no time")
        need(re.fullmatch(r"[a-z]+(\.[a-z]+)*", fields["kind"]) is not None and len(fields["kind"]) <= 40, "no kind")
        need(re.fullmatch(r"[0-9a-f]{32}", fields["thread"]) is not None, "no thread")
        need(1 <= len(fields["media"]) <= 100, "no media type")
        self.kind, self.seen = fields["kind"], None
        if fields["seen"] != "-":
            seen = fields["seen"].split(" ")
            need(len(seen) == 3, "no known `seen`")
            self.seen = (seen[0], number(seen[1]), unb64(seen[2], 32))
        if fields["answers"] != "-":
            answers = fields["answers"].split(" ")
            need(len(answers) == 2, "no known `answers`")
            number(answers[1])
        length = number(fields["length"])
        content = end + 2 + length
        need(content <= len(data), "a body that is cut short")
        self.body = data[end + 2 : content]
        buckets = [1024 << k for k in range(11)]
        need(len(data) == next((size for size in buckets if size >= content), None), "not the smallest bucket")
        need(data[content:] == bytes(len(data) - content), "padding that is not zero")


def commitment(salt, entry):
    return hmac_sha256(salt, b"forewarn/commitment/v1\n" + entry)


class Proof:
    def __init__(self, data):
        text = text_of(data, 68 * 1024)
        head, split, rest = text.partition("\n\n")
        need(split != "", "no empty line in the proof")
        lines = head.split("\n")
        need(lines[0] == "c2sp.org/tlog-proof@v1" and len(lines) >= 3, "not a proof")
        need(lines[1].startswith("extra ") and lines[2].startswith("index "), "no salt or no index")
        self.salt, self.index = unb64(lines[1][6:], 32), number(lines[2][6:])
        self.path = [unb64(line, 32) for line in lines[3:]]
        need(len(self.path) <= 63, "a path that is too long")
        self.checkpoint = Checkpoint(rest.encode())


def proof_text(salt, index, path, checkpoint):
    hashes_ = "".join(b64(node) + "\n" for node in path)
    return f"c2sp.org/tlog-proof@v1\nextra {b64(salt)}\nindex {index}\n{hashes_}\n{checkpoint}"


# --- the two folders ------------------------------------------------------------------------------------------------


def identities(statement, trusted):
    if trusted is not None:
        found = (statement.giver.fingerprint(), statement.receiver.fingerprint())
        need(found == tuple(trusted), "an identity is not the trusted one")


def verify_receipt(files, trusted=None):
    """The nine steps of docs/log-format.md §12. Gives what the folder shows."""
    required, pair = {"channel", "entry", "policy", "receipt.tlog-proof"}, {"seen.channel", "seen.checkpoint"}
    need(set(files) in (required, required | pair), f"not the files of a receipt: {sorted(files)}")
    statement = Statement(files["channel"])
    identities(statement, trusted)
    need(files["policy"] == statement.policy().encode(), "not the policy of the statement")
    proof = Proof(files["receipt.tlog-proof"])
    head = proof.checkpoint
    times = head.judged(statement)
    need(statement.cosigner.name in times, "the receiver has not cosigned")
    need(len(times) - 1 >= statement.neutral, "too few neutral witnesses")
    entry = Entry(files["entry"])
    need((entry.origin, entry.index) == (head.origin, proof.index), "an entry of another place")
    leaf = commitment(proof.salt, files["entry"])
    path = [node.hex() for node in proof.path]
    included = merkle.verify_inclusion(leaf.hex(), proof.index, head.size, path, head.root.hex())
    need(included, "the entry is not in the tree")
    if pair <= set(files):
        opposite = Statement(files["seen.channel"])
        same = (opposite.giver.fingerprint(), opposite.receiver.fingerprint(), opposite.use)
        need(same == (statement.receiver.fingerprint(), statement.giver.fingerprint(), statement.use), "not opposite")
        seen = Checkpoint(files["seen.checkpoint"])
        need(entry.seen == (seen.origin, seen.size, seen.root), "not the head that the entry names")
        need(opposite.cosigner.name in seen.judged(opposite), "the opposite head is not cosigned")
    return {
        "statement": statement,
        "entry": entry,
        "size": head.size,
        "root": head.root,
        "held": times[statement.cosigner.name],
        "leaf": leaf,
        "proof": proof,
        "seen": pair <= set(files),
    }


def verify_evidence(files, trusted=None):
    """docs/log-format.md §11. Gives who is accused and of what."""
    required = {"channel", "first.checkpoint", "second.checkpoint", "conflict"}
    need(set(files) in (required, required | {"first.channel"}), f"not the files of evidence: {sorted(files)}")
    statement = Statement(files["channel"])
    identities(statement, trusted)
    first, second = Checkpoint(files["first.checkpoint"]), Checkpoint(files["second.checkpoint"])
    earlier = statement
    if "first.channel" in files:
        earlier = Statement(files["first.channel"])
        need(earlier.origin == statement.origin and first.size < statement.since, "not an earlier statement")
    text = text_of(files["conflict"], 4096)
    need(text.endswith("\n"), "no line break at the end")
    lines = text[:-1].split("\n")
    accused = {"forewarn/conflict/v1 giver": "giver", "forewarn/conflict/v1 receiver": "receiver"}.get(lines[0])
    need(accused is not None, "nobody is accused")
    known = [unb64(line, 32) for line in lines[1:]]
    times = (first.judged(earlier), second.judged(statement))
    if accused == "receiver":
        need(earlier.cosigner.name in times[0] and statement.cosigner.name in times[1], "not cosigned")
    need(first.size <= second.size, "the larger checkpoint stands first")
    if not known:
        if first.size == second.size:
            need(first.root != second.root, "no conflict")
            return accused, "two_roots"
        back = accused == "receiver" and times[0][earlier.cosigner.name] > times[1][statement.cosigner.name]
        need(back, "no conflict")
        return accused, "went_back"
    need(first.size < second.size and known[0] != first.root, "no conflict")
    nodes = [node.hex() for node in known[1:]]
    grows = merkle.verify_consistency(known[0].hex(), second.root.hex(), first.size, second.size, nodes)
    need(grows, "the proof does not lead to the larger root")
    return accused, "not_a_growth"
