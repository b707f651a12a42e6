//! Folders that somebody handed over: whatever was changed in one, nothing is verified that was not signed.
//!
//! A folder is written as one text: `%% name` in a line before each file.

use std::collections::{BTreeMap, BTreeSet};

use tlog::evidence::{Accused, Beginning, Evidence, FIRST_FILE, SECOND_FILE, verify_evidence};
use tlog::hash::Hash;
use tlog::receipt::{ReceiptParts, Standing, export, verify_export};

use crate::Begun;
use crate::world::*;

type Files = BTreeMap<String, Vec<u8>>;

const MARK: &[u8] = b"%% ";

fn written(files: &Files) -> Vec<u8> {
    let parts =
        files.iter().flat_map(|(name, content)| [MARK, name.as_bytes(), b"\n", content.as_slice(), b"\n"]);
    parts.collect::<Vec<_>>().concat()
}

fn read(bytes: &[u8]) -> Files {
    let mut files = Files::new();
    let mut rest = bytes.strip_prefix(MARK);
    while let Some(part) = rest {
        let mark = part.windows(MARK.len() + 1).position(|bytes| bytes[0] == b'\n' && &bytes[1..] == MARK);
        let (file, after) = match mark {
            Some(at) => (&part[..at], Some(&part[at + 1 + MARK.len()..])),
            None => (part.strip_suffix(b"\n").unwrap_or(part), None),
        };
        let end = file.iter().position(|byte| *byte == b'\n').unwrap_or(file.len());
        let content = file.get(end + 1..).unwrap_or_default().to_vec();
        files.insert(String::from_utf8_lossy(&file[..end]).into_owned(), content);
        rest = after;
    }
    files
}

/// What `forewarn verify` says of a folder: a refusal fits on a page and hides nothing.
fn said(files: &Files) -> bool {
    let refused = forewarn::outside::verified(files).err();
    if let Some(why) = &refused {
        assert!(why.len() < 2_000 && !why.chars().any(|c| c != '\n' && model::plain::is_unseen(c)), "{why}");
    }
    refused.is_none()
}

pub(crate) fn receipt() -> Begun {
    let parts = [
        receipt_parts(),
        ReceiptParts { seen: full_receipt_parts().seen, ..receipt_parts() },
        full_receipt_parts(),
        ReceiptParts { seen: None, ..full_receipt_parts() },
    ];
    let known: BTreeSet<Files> = parts.iter().map(|parts| export(parts).unwrap()).collect();
    assert!(known.iter().all(|files| read(&written(files)) == *files && said(files)));
    let examples: Vec<_> = known.iter().map(written).collect();
    Begun::of(examples, move |bytes| {
        let files = read(bytes);
        let (intact, verified) = (verify_export(&files, None), verify_export(&files, Some(trusted())));
        assert_eq!((intact.is_ok(), verified.is_ok()), (said(&files), said(&files)));
        if let Ok(receipt) = verified {
            assert!(
                receipt.standing == Standing::Verified && known.contains(&files),
                "nobody signed this receipt"
            );
        }
    })
}

pub(crate) fn evidence() -> Begun {
    let false_head = || {
        let mut head = head_ab(2);
        head.root = Hash::from_bytes([6; 32]);
        head
    };
    let of_receiver = Evidence {
        accused: Accused::Receiver,
        statement: statement_ab(),
        first_statement: None,
        first: cosigned(&false_head(), &log_ab(), &receiver_cosigner(), TIMES[1]),
        second: signed_ab(3, TIMES[2]),
        beginning: Some(Beginning { root: head_ab(2).root, proof: vec![leaves()[2]] }),
    };
    let of_giver = Evidence {
        accused: Accused::Giver,
        first: false_head().sign(&log_ab()).unwrap(),
        second: head_ab(2).sign(&log_ab()).unwrap(),
        beginning: None,
        ..of_receiver.clone()
    };
    let known: Vec<Files> = [of_receiver, of_giver].iter().map(|proof| proof.files().unwrap()).collect();
    assert!(known.iter().all(|files| read(&written(files)) == *files && said(files)));
    // Pieces of two proofs may make a third one, of heads that were signed.
    let heads: BTreeSet<_> = known
        .iter()
        .flat_map(|files| [FIRST_FILE, SECOND_FILE].map(|name| files[name].clone()))
        .map(|note| text_of(&note))
        .collect();
    let examples: Vec<_> = known.iter().map(written).collect();
    Begun::of(examples, move |bytes| {
        let files = read(bytes);
        let proven = verify_evidence(&files, Some(trusted()));
        assert_eq!(
            (proven.is_ok(), verify_evidence(&files, None).is_ok()),
            (said_of(&files), said_of(&files))
        );
        if let Ok(proven) = proven {
            assert_eq!(proven.evidence.files().unwrap(), files, "a proof has one form");
            let signed = [FIRST_FILE, SECOND_FILE].iter().all(|name| heads.contains(&text_of(&files[*name])));
            assert!(signed, "nobody signed these heads");
        }
    })
}

/// As `said`, of a folder that is one of evidence.
fn said_of(files: &Files) -> bool {
    said(files) && files.contains_key(FIRST_FILE)
}

fn text_of(note: &[u8]) -> String {
    tlog::note::Note::parse(note).map(|note| note.text().to_owned()).unwrap_or_default()
}
