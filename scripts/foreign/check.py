"""Checks the program against the foreign verifier, both ways: what it exports is verified here, and what is made here it
must verify; what was changed, both must refuse.

check.py <program> <scratch folder> [<folder with evidence folders that the program's own code made>]
"""

import shutil
import subprocess
import sys
from pathlib import Path

import making
import nodes
from c2sp import Refused, merkle, verify_evidence, verify_receipt

VERIFIED, REFUSED, INTACT = 0, 1, 3
PROGRAM, SCRATCH = sys.argv[1], Path(sys.argv[2])
counts = {}


def count(what, by=1):
    counts[what] = counts.get(what, 0) + by


def read(folder):
    return {file.name: file.read_bytes() for file in Path(folder).iterdir()}


def program_says(files, trusted=None):
    """The exit status of `forewarn verify` for these files, in a folder of their own, with no environment at all."""
    folder = SCRATCH / "asked"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    words = [PROGRAM, "verify", str(folder)]
    if trusted is not None:
        words += ["--giver", trusted[0], "--receiver", trusted[1]]
    done = subprocess.run(words, env={}, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
    assert done.returncode in (0, 1, 3), (done.returncode, done.stderr)
    return done.returncode


def we_say(verify, files, trusted=None):
    try:
        verify(files, trusted)
    except Refused:
        return REFUSED
    return INTACT if trusted is None else VERIFIED


def agree(what, verify, files, trusted, expected):
    """Both verifiers, with and without trusted fingerprints, say the same, and what is expected."""
    for known in (None, trusted):
        status = REFUSED if expected == REFUSED else INTACT if known is None else VERIFIED
        ours, theirs = we_say(verify, files, known), program_says(files, known)
        assert ours == theirs == status, f"{what}: foreign says {ours}, forewarn says {theirs}, expected {status}"
    count("refused by both" if expected == REFUSED else "verified by both")


def changes(files, places):
    """Small changes: at so many places of each file a byte changed, put in, taken out, the rest cut; files less and more."""
    for name, content in files.items():
        for n in range(places):
            at = (len(content) * n + n) // places % len(content)
            yield f"{name}: byte {at} changed", files | {name: content[:at] + bytes([content[at] ^ (1 << n % 8)]) + content[at + 1 :]}
            yield f"{name}: byte put in at {at}", files | {name: content[:at] + b"A" + content[at:]}
            yield f"{name}: byte {at} taken out", files | {name: content[:at] + content[at + 1 :]}
            yield f"{name}: cut at {at}", files | {name: content[:at]}
        yield f"{name} missing", {other: content for other, content in files.items() if other != name}
    yield "a strange file", files | {"stranger": b""}


def every_byte(verify, files):
    """The foreign verifier alone, without trusted fingerprints, refuses each change of a single byte."""
    for name, content in files.items():
        for at in range(len(content)):
            changed = files | {name: content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]}
            assert we_say(verify, changed) == REFUSED, f"{name} byte {at}"
            count("bytes changed, refused here")


def exported_by_the_program():
    found = nodes.export_all(PROGRAM, SCRATCH / "nodes", 6)
    folders = {}
    with_seen = 0
    for folder, node, giver, receiver in found:
        files, trusted = read(folder), (giver.fingerprint, receiver.fingerprint)
        shown = verify_receipt(files, trusted)
        count("receipts exported by the program")
        assert shown["entry"].index < shown["size"] and shown["held"] > 1_700_000_000
        with_seen += shown["seen"]
        key = (giver.label, shown["entry"].index)
        assert folders.setdefault(key, files) == files, "both sides export the same"
        assert program_says(files, (giver.words, receiver.words)) == VERIFIED, "by words as by fingerprint"
        agree(f"{folder.name}", verify_receipt, files, trusted, VERIFIED)
        swapped = (receiver.fingerprint, giver.fingerprint)
        assert we_say(verify_receipt, files, swapped) == program_says(files, swapped) == REFUSED
    assert with_seen > 0, "some entry names a head of the other direction"
    # The tree made again from the commitments in all receipts of one log gives the roots that were signed.
    logged = [verify_receipt(files) for (label, _), files in sorted(folders.items()) if label == "a"]
    leaves = [shown["leaf"].hex() for shown in logged]
    for shown in logged:
        assert merkle.merkle_root(leaves[: shown["size"]]) == shown["root"].hex()
        path = [node.hex() for node in shown["proof"].path]
        assert merkle.inclusion_proof(leaves[: shown["size"]], shown["entry"].index) == path
        count("trees made again by scitt-cose")
    longest = max(folders.values(), key=len)
    every_byte(verify_receipt, longest)
    _, _, giver, receiver = next(f for f in found if read(f[0]) == longest)
    for what, changed in changes(longest, 6):
        agree(what, verify_receipt, changed, (giver.fingerprint, receiver.fingerprint), REFUSED)


def receipts_made_here():
    channel = making.grown(9)
    for size in range(1, 10):
        for index in range(size):
            agree(f"{index} in {size}", verify_receipt, channel.receipt(index, size), channel.trusted(), VERIFIED)
    opposite = making.grown(3, giver=making.RECEIVER, receiver=making.GIVER)
    channel.append("cover", "text/plain", b"", seen=opposite.seen())
    agree("with its opposite head", verify_receipt, channel.receipt(9, 10, opposite=opposite), channel.trusted(), VERIFIED)
    exercise = making.grown(2, use="exercise")
    agree("an exercise", verify_receipt, exercise.receipt(1, 2), exercise.trusted(), VERIFIED)
    witnessed = making.grown(3, neutral=2, witnesses=3)
    for neutrals in ((0, 1), (1, 2), (0, 1, 2)):
        agree(f"witnesses {neutrals}", verify_receipt, witnessed.receipt(1, 3, neutrals), witnessed.trusted(), VERIFIED)
    for neutrals in ((), (1,), (2, 0)):
        agree(f"witnesses {neutrals}", verify_receipt, witnessed.receipt(1, 3, neutrals), witnessed.trusted(), REFUSED)
    for what, changed in changes(channel.receipt(9, 10, opposite=opposite), 4):
        agree(what, verify_receipt, changed, channel.trusted(), REFUSED)
    other = making.grown(9, giver="service-z.example")
    lies = {
        "another salt": lambda: setattr(channel, "salts", [making.seed("lie")] * 9),
        "another entry": lambda: channel.entries.__setitem__(1, channel.entries[2]),
    }
    whole = channel.receipt(1, 9)
    for name in whole:
        lie = whole | {name: other.receipt(1, 9)[name]}
        agree(f"{name} of another channel", verify_receipt, lie, channel.trusted(), REFUSED)
    honest = channel.receipt(1, 9)["receipt.tlog-proof"]
    for what, tell in lies.items():
        tell()
        lie = channel.receipt(1, 9) | {"receipt.tlog-proof": honest, "entry": channel.entries[1]}
        if what == "another salt":
            path = honest.split(b"\n\n", 1)
            lie["receipt.tlog-proof"] = channel.receipt(1, 9)["receipt.tlog-proof"].split(b"\n\n", 1)[0] + b"\n\n" + path[1]
        agree(what, verify_receipt, lie, channel.trusted(), REFUSED)


def evidence_made_here():
    channel, other_root = making.grown(7), making.seed("another tree")
    signed = lambda size, root=None, time=None: channel.checkpoint(size, root, time)  # noqa: E731
    held = making.HELD
    both = lambda size, root=None, time=held: channel.checkpoint(size, root, time)  # noqa: E731
    for accused, head in (("giver", signed), ("receiver", both)):
        two = channel.evidence(accused, head(4, other_root), head(4))
        agree(f"two roots, {accused}", verify_evidence, two, channel.trusted(), VERIFIED)
        for first in range(1, 7):
            for second in range(first + 1, 8):
                known = channel.beginning(first, second)
                grown = channel.evidence(accused, head(first, other_root), head(second), known)
                agree(f"{first} not in {second}, {accused}", verify_evidence, grown, channel.trusted(), VERIFIED)
                honest = channel.evidence(accused, head(first), head(second), known)
                agree(f"{first} in {second}, {accused}", verify_evidence, honest, channel.trusted(), REFUSED)
        same = channel.evidence(accused, head(4), head(4))
        agree("one head twice", verify_evidence, same, channel.trusted(), REFUSED)
        for what, changed in changes(two, 5):
            agree(what, verify_evidence, changed, channel.trusted(), REFUSED)
    back = channel.evidence("receiver", both(3, time=held + 9), both(5))
    agree("went back", verify_evidence, back, channel.trusted(), VERIFIED)
    forth = channel.evidence("receiver", both(3), both(5, time=held + 9))
    agree("went forth", verify_evidence, forth, channel.trusted(), REFUSED)
    mixed = channel.evidence("receiver", signed(4, other_root), both(4))
    agree("one cosignature only", verify_evidence, mixed, channel.trusted(), REFUSED)


def evidence_of_the_program(folder):
    for one in sorted(Path(folder).iterdir()):
        files = read(one)
        accused, conflict = verify_evidence(files)
        count(f"evidence of the program: {conflict}, {accused}")
        assert program_says(files) == INTACT
        every_byte(verify_evidence, files)
        for what, changed in changes(files, 4):
            assert we_say(verify_evidence, changed) == program_says(changed) == REFUSED, what


def main():
    exported_by_the_program()
    receipts_made_here()
    evidence_made_here()
    if len(sys.argv) > 3:
        evidence_of_the_program(sys.argv[3])
    for what, number in counts.items():
        print(f"{number:>7}  {what}")


if __name__ == "__main__":
    main()
