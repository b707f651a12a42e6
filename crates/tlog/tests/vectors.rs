//! The test vectors of log-format.md §15, byte for byte. In the files under `vectors/` `$O` and `$P` stand
//! for the origins.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod world;

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use tlog::channel::{ChannelStatement, SignedProposal};
use tlog::checkpoint::SignedCheckpoint;
use tlog::commitment::commit;
use tlog::entry::Entry;
use tlog::hash::{Hash, leaf_hash};
use tlog::key::VerifierKey;
use tlog::tree::{
    CompactRange, Subtree, consistency_proof, inclusion_proof, verify_consistency, verify_inclusion,
};
use world::*;

const O: &str = "forewarn/log/953ab9067e7771490869867f571844c5f195e53d8f61c134feec919b3265351d";
const P: &str = "forewarn/log/b63ca07eeb567f914504fd38ff1daba1319c9fc86215515ec0ceeb59c1e3ab73";

const CHANNEL: &str = include_str!("vectors/channel.txt");
const SEEN_CHECKPOINT: &str = include_str!("vectors/seen.checkpoint.txt");
const ENTRY_1: &str = include_str!("vectors/entry-1.txt");

fn written_out(vector: &str) -> String {
    vector.replace("$O", O).replace("$P", P)
}

#[test]
fn keys_follow_from_their_seeds() {
    assert_eq!(
        hex::encode(seed("giver identity")),
        "09b0d520a6bb8d1e5e5aa465cdf8d4e0be504cc18ac683965556eb92ab4ca85e"
    );
    assert_eq!(
        giver_cosigner().verifier().to_string(),
        "service-a.example/cosigner+47eb97b7+BP1bfTxSNFuyYP4j541mK9RztuOpHtNDqjjasC86tCoH"
    );
    assert_eq!(
        log_ba().verifier().to_string(),
        format!("{P}+145a045d+AfEbeD3trEO8NG2NDd65uiuSo2QifnaEPvFsZ1OGLk3K")
    );
}

#[test]
fn origins_follow_from_use_pair_and_nonce() {
    assert_eq!(origin_ab().to_string(), O);
    assert_eq!(origin_ba().to_string(), P);
    assert_eq!(O.len(), 77);
}

#[test]
fn the_channel_statement_is_made_and_read_byte_for_byte() {
    let vector = written_out(CHANNEL);
    assert_eq!(vector.len(), 808);
    assert_eq!(statement_ab().to_string(), vector);
    let read = ChannelStatement::parse(vector.as_bytes()).unwrap();
    assert_eq!(read, statement_ab());
    assert_eq!(read.as_bytes(), vector.as_bytes());

    let half = proposal_ab().sign_as_giver(&giver()).unwrap();
    let (without_receiver, _) = vector.split_once("— service-b").unwrap();
    assert_eq!(half.to_string(), without_receiver);
    assert_eq!(SignedProposal::parse(without_receiver.as_bytes()), Ok(half));
}

#[test]
fn entry_1_is_made_and_read_byte_for_byte() {
    let text = written_out(ENTRY_1);
    let mut bytes = text.strip_suffix('\n').unwrap().as_bytes().to_vec();
    bytes.resize(1024, 0);
    assert_eq!(entries()[1].encode().unwrap(), bytes);
    assert_eq!(Entry::parse(&bytes).unwrap(), entries()[1]);
}

#[test]
fn entries_commitments_and_leaves_have_the_stated_hashes() {
    let stated = [
        [
            "e95d650e750038bd482368d4c147256a0b5478dace5731cfb59e109429e379a7",
            "688b08cdcbda50bb5172798c2f182c3c51a2466bd0ba02ca60cedb8d684be977",
            "23066700b2a99384381d834c7bd52263b01f30451ba92ed35850eb2c44a947fc",
            "cc2f6318cb75657dd182b04d6ae162b90d014cdff4121039d0a1bd02a7aaa719",
        ],
        [
            "0b5ffbbc7a02e6b69ddda29f8a68b857f229d82d795c04b70baaab8a525df3ad",
            "f1a13443beaaba931cfaf0011802e1c4d7149b005ba95312ebc9901db8783b21",
            "dd1acf08376347cc8bea7a8cebec9900162e95cacce53dd52d53c0c8a0667bf7",
            "e2469d167edee00ddd4cc4367d6e9d04370a58bc195883d2c36808dbee49aa8d",
        ],
        [
            "fdda967d6994524aee6e7a0f6d39f8b63cb737fba63228c00cb520ced5e9b305",
            "9374dd907709dc80db547425e0b7b55556524fa1747af70300c6af9cf598d8f8",
            "74746175c9a0240c789e688d055f9f45cc263c5d118459c573945eba21126ede",
            "cca1aa68e74eead65748a0c9a0ec7dbd3bcf537515ac9ca03877b1189dca2649",
        ],
    ];
    for (index, [entry_hash, salt_hex, commitment_hex, leaf_hex]) in stated.into_iter().enumerate() {
        let entry = entries()[index].encode().unwrap();
        assert_eq!(entry.len(), [2048, 1024, 1024][index]);
        assert_eq!(hex::encode(Sha256::digest(&entry)), entry_hash);
        let salt = salt("a to b", index as u64);
        assert_eq!(hex::encode(salt.as_bytes()), salt_hex);
        let commitment = commit(&salt, &entry);
        assert_eq!(commitment.to_hex(), commitment_hex);
        assert_eq!(leaf_hash(&commitment).to_hex(), leaf_hex);
    }
}

#[test]
fn roots_are_the_stated_ones() {
    let stated = [
        "cc2f6318cb75657dd182b04d6ae162b90d014cdff4121039d0a1bd02a7aaa719",
        "5806a96cbf5ec462df703cfcceaf423b0135c42af776759f17abf12adb2763a2",
        "86f7ec22ed4a3ac20f349c803faad62c7da13a0d27575701e6dd2dc4180ee6ba",
    ];
    for (root, size) in stated.into_iter().zip(1..) {
        assert_eq!(head_ab(size).root.to_hex(), root);
    }
}

#[test]
fn the_opposite_head_is_that_of_its_opening_entry() {
    let entry = opening(&statement_ba(), "2026-12-01T09:00:01Z");
    let commitment = commit(&salt("b to a", 0), &entry.encode().unwrap());
    assert_eq!(leaf_hash(&commitment), seen().root);

    let vector = written_out(SEEN_CHECKPOINT);
    assert_eq!(signed_ba().to_string(), vector);
    let read = SignedCheckpoint::parse(vector.as_bytes()).unwrap();
    read.verify_log(log_ba().verifier()).unwrap();
    let cosignature = read.cosignature_of(giver_cosigner().verifier()).unwrap();
    assert_eq!(cosignature.time(), SEEN_TIME);
}

#[test]
fn checkpoints_and_cosignatures_are_made_and_read_byte_for_byte() {
    let lines_at_1 = [
        "— $O JxLGv5cf7U4SNo6yBhq/PaK1YNUFfHxCqcLM9krK5pxC4Fg5WKivJSGbhE09VdJ2mKUAmVYa1pldXbLVf3d3vfZkfQg=",
        "— service-b.example/cosigner BpsUiwAAAABrDoySAqFmaBLNp4qEIIfxpp1TgbE2Q5IpsrZy5AP4xh/vvJ1n+o1Op67fZzIPkverLRwJGjVgnYANxVeVtx1ytb7PDA==",
    ];
    let signed = signed_ab(1, TIMES[0]);
    let lines: Vec<String> = signed.lines().iter().map(ToString::to_string).collect();
    assert_eq!(lines, lines_at_1.map(written_out));

    let at_3 = written_out(
        "$O\n3\nhvfsIu1KOsIPNJyAP6rWLH2hOg0nV1cB5t0txBgO5ro=\n\n\
         — $O JxLGv0l71EflG1peAS53PJbjMJoTUPGABjpWXYZQpkU+e0OxaSSdYlQvtzbOqDBZ9+56ylB23B/R3DUC/cg7Db9jjw4=\n\
         — service-b.example/cosigner BpsUiwAAAABrG7SMAijcAJTt6Ypd38Cs5nnNPZEEma1Yku2uJeWfNjlx2VL3dUyWWXArNNnOOaaKlbbyx5FJEeQ2v6146tVlGkBXDQ==\n",
    );
    assert_eq!(signed_ab(3, TIMES[2]).to_string(), at_3);
    let read = SignedCheckpoint::parse(at_3.as_bytes()).unwrap();
    assert_eq!(read, signed_ab(3, TIMES[2]));
    let keys = [log_ab(), receiver_cosigner()];
    let known: Vec<&VerifierKey> = keys.iter().map(|key| key.verifier()).collect();
    read.check_lines(&known).unwrap();
}

#[test]
fn proofs_are_the_stated_ones() {
    let leaf_1 = "4kadFn7e4A3dTMQ2fW6dBDcKWLwZWIPSw2gI2+5Jqo0=";
    let leaf_2 = "zKGqaOdO6tZXSKDJoOx9vTvPU3UVrJygOHexGJ3KJkk=";
    let root_2 = "WAapbL9exGLfcDz8zq9COwE1xCr3dnWfF6vxKtsnY6I=";
    let hashes =
        |texts: &[&str]| -> Vec<Hash> { texts.iter().map(|text| Hash::from_base64(text).unwrap()).collect() };
    let mut range = CompactRange::new();
    let mut stored = BTreeMap::new();
    for leaf in leaves() {
        for Subtree { level, index, hash } in range.append(leaf) {
            stored.insert((level, index), hash);
        }
    }
    let fetch = |level, index| stored.get(&(level, index)).copied().ok_or("not stored");

    for (index, path) in [(0, vec![leaf_1, leaf_2]), (2, vec![root_2])] {
        let path = hashes(&path);
        assert_eq!(inclusion_proof(index, 3, fetch).unwrap(), path);
        let leaf = leaves()[index as usize];
        verify_inclusion(&leaf, index, 3, &path, &head_ab(3).root).unwrap();
    }
    for (old, new, proof) in [(1, 3, vec![leaf_1, leaf_2]), (2, 3, vec![leaf_2]), (1, 2, vec![leaf_1])] {
        let proof = hashes(&proof);
        assert_eq!(consistency_proof(old, new, fetch).unwrap(), proof);
        verify_consistency(old, &head_ab(old).root, new, &head_ab(new).root, &proof).unwrap();
    }
}
