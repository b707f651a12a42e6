//! Channel statements and partner cards: the rules between their fields, and who must sign.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod world;

use tlog::card::{Address, Card, CardError, Contact, EncryptionKey};
use tlog::channel::{ChannelError, ChannelProposal, ChannelStatement, SignedProposal, Use, origin_of};
use tlog::checkpoint::Checkpoint;
use tlog::grammar::Malformed;
use tlog::hash::{Hash, empty_root};
use tlog::key::{KeyKind, SigningKey};
use tlog::note::{Note, NoteError, sign_line};
use world::*;

/// The statement with this text, whatever it is, signed by both parties of the test vectors.
fn signed_text(text: &str) -> Result<ChannelStatement, ChannelError> {
    let lines = vec![sign_line(&giver(), text).unwrap(), sign_line(&receiver(), text).unwrap()];
    let note = Note::new(text.into(), lines).unwrap();
    ChannelStatement::parse(note.to_string().as_bytes())
}

#[test]
fn every_form_of_statement_survives_its_text() {
    let after = Checkpoint { origin: origin_ba(), size: 7, root: seen().root };
    let nothing = Checkpoint { size: 0, root: empty_root(), ..after };
    for proposal in [
        ChannelProposal { after: Some(after), from: 12, ..proposal_ab() },
        ChannelProposal { after: Some(nothing), ..proposal_ab() },
        proposal_with_witnesses(1, 1),
        proposal_with_witnesses(8, 8),
        proposal_with_witnesses(3, 5),
    ] {
        let statement = both_sign(&proposal, &giver(), &receiver());
        assert_eq!(statement.proposal(), &proposal);
        assert_eq!(ChannelStatement::parse(statement.as_bytes()), Ok(statement));
    }
}

#[test]
fn use_direction_and_nonce_each_make_another_origin() {
    let (a, b) = (giver(), receiver());
    let (a, b) = (a.verifier(), b.verifier());
    let nonce = nonce("a to b");
    let origin = origin_of(Use::Actual, a, b, &nonce);
    assert_ne!(origin, origin_of(Use::Exercise, a, b, &nonce));
    assert_ne!(origin, origin_of(Use::Actual, b, a, &nonce));
    assert_ne!(origin, origin_of(Use::Actual, a, b, &[0; 32]));
}

#[test]
fn a_statement_has_exactly_its_lines() {
    let text = proposal_ab().text();
    assert!(signed_text(&text).is_ok());
    for (line, wrong) in [
        (1, text.replace("channel/v1", "channel/v2")),
        (2, text.replace("origin forewarn", "origin  forewarn")),
        (3, text.replace("use actual", "use drill")),
        (6, text.replace("nonce y9", "nonce z9=")),
        (7, text.replace("after -", "after")),
        (7, text.replace("after -", &format!("after {} 07 {}", origin_ba(), seen().root))),
        (8, text.replace("from 0", "from 00")),
        (11, text.replace("neutral 0", "neutral -1")),
        (11, text.replace("neutral 0", "neutral 256")),
        (12, format!("{text}comment\n")),
        (12, format!("{text}\n")),
        (11, text.replace("neutral 0\n", "")),
    ] {
        let found = signed_text(&wrong);
        assert!(
            matches!(&found, Err(ChannelError::Malformed(Malformed { line: at, .. })) if *at == line),
            "{wrong} {found:?}"
        );
    }
    let wrong_id = text.replace("+eff218be+", "+00000000+");
    assert!(matches!(signed_text(&wrong_id), Err(ChannelError::Key { role: "giver", .. })));
}

#[test]
fn a_statement_with_another_origin_than_its_own_is_refused() {
    let exercise = proposal_ab().text().replace("use actual", "use exercise");
    assert!(matches!(signed_text(&exercise), Err(ChannelError::OriginHash { .. })));
    let text = proposal_ab().text();
    let line = format!("origin {}", origin_ab());
    let other = text.replacen(&line, &format!("origin {}", origin_ba()), 1);
    assert!(matches!(signed_text(&other), Err(ChannelError::OriginHash { .. })));
}

#[test]
fn every_key_has_the_kind_and_name_of_its_role() {
    let check = |proposal: ChannelProposal| proposal.sign_as_giver(&giver()).map(|_| ());
    let origin = origin_ab().to_string();
    let ed25519 = |name: &str| key("x", name, KeyKind::Ed25519).verifier().clone();
    let cosigner = |name: &str| key("x", name, KeyKind::CosignatureV1).verifier().clone();
    assert!(matches!(
        check(ChannelProposal { log: ed25519("other"), ..proposal_ab() }),
        Err(ChannelError::Name { role: "log", .. })
    ));
    assert!(matches!(
        check(ChannelProposal { log: cosigner(&origin), ..proposal_ab() }),
        Err(ChannelError::Kind { role: "log", .. })
    ));
    assert!(matches!(
        check(ChannelProposal { cosigner: cosigner("service-a.example/cosigner"), ..proposal_ab() }),
        Err(ChannelError::Name { role: "cosigner", .. })
    ));
    assert!(matches!(
        check(ChannelProposal { cosigner: ed25519("service-b.example/cosigner"), ..proposal_ab() }),
        Err(ChannelError::Kind { role: "cosigner", .. })
    ));
    assert!(matches!(
        check(ChannelProposal { neutral: 1, witnesses: vec![ed25519("w")], ..proposal_ab() }),
        Err(ChannelError::Kind { role: "witness", .. })
    ));
    // The log's name follows from the identities, so that a cosigner as giver needs a log of another name.
    let giver = cosigner(GIVER);
    let origin = origin_of(Use::Actual, &giver, receiver().verifier(), &nonce("a to b")).to_string();
    assert!(matches!(
        check(ChannelProposal { giver, log: ed25519(&origin), ..proposal_ab() }),
        Err(ChannelError::Kind { role: "giver", .. })
    ));
}

#[test]
fn no_key_and_no_name_serves_twice() {
    let check = |proposal: ChannelProposal| proposal.sign_as_giver(&giver()).map(|_| ());
    let origin = origin_ab().to_string();
    let same_key = |role, name: &str, kind| key(role, name, kind).verifier().clone();
    for proposal in [
        ChannelProposal { log: same_key("giver identity", &origin, KeyKind::Ed25519), ..proposal_ab() },
        ChannelProposal { log: same_key("receiver cosigner", &origin, KeyKind::Ed25519), ..proposal_ab() },
        ChannelProposal { witnesses: vec![witness(1).verifier().clone(); 2], neutral: 1, ..proposal_ab() },
        ChannelProposal {
            witnesses: vec![same_key("receiver cosigner", "w", KeyKind::CosignatureV1)],
            neutral: 1,
            ..proposal_ab()
        },
        ChannelProposal {
            witnesses: vec![same_key("x", GIVER, KeyKind::CosignatureV1)],
            neutral: 1,
            ..proposal_ab()
        },
    ] {
        let text = proposal.text();
        assert!(matches!(check(proposal), Err(ChannelError::Same { .. })), "{text}");
        assert!(matches!(signed_text(&text), Err(ChannelError::Same { .. })), "{text}");
    }
    let oneself = receiver_as(GIVER);
    assert!(matches!(check(oneself), Err(ChannelError::Same { .. })));
}

/// A channel whose receiver has the giver's name, all else as it should be.
fn receiver_as(name: &str) -> ChannelProposal {
    let receiver = key("receiver identity", name, KeyKind::Ed25519).verifier().clone();
    let origin = origin_of(Use::Actual, giver().verifier(), &receiver, &nonce("a to b"));
    let cosigner = key("receiver cosigner", &format!("{name}/cosigner"), KeyKind::CosignatureV1);
    ChannelProposal {
        receiver,
        log: key("a to b log", &origin.to_string(), KeyKind::Ed25519).verifier().clone(),
        cosigner: cosigner.verifier().clone(),
        ..proposal_ab()
    }
}

#[test]
fn a_quorum_is_0_of_none_or_some_of_at_most_8() {
    for (neutral, witnesses) in [(1, 0), (0, 1), (2, 1), (9, 9), (1, 9)] {
        let proposal = proposal_with_witnesses(neutral, witnesses);
        assert_eq!(
            proposal.sign_as_giver(&giver()),
            Err(ChannelError::Quorum { neutral, witnesses: witnesses.into() })
        );
        assert!(signed_text(&proposal.text()).is_err());
    }
}

#[test]
fn sizes_are_below_2_to_the_48_and_an_old_head_of_nothing_has_the_empty_root() {
    let size = 1 << 48;
    let proposal = ChannelProposal { from: size, ..proposal_ab() };
    assert_eq!(proposal.sign_as_giver(&giver()), Err(ChannelError::Size { size }));
    let root = seen().root;
    let after = Some(Checkpoint { origin: origin_ba(), size: 0, root });
    let proposal = ChannelProposal { after, ..proposal_ab() };
    assert_eq!(proposal.sign_as_giver(&giver()), Err(ChannelError::After { root }));
    assert_eq!(signed_text(&proposal.text()), Err(ChannelError::After { root }));
}

#[test]
fn a_statement_is_signed_by_giver_then_receiver_and_nobody_else() {
    let half = proposal_ab().sign_as_giver(&giver()).unwrap();
    assert!(matches!(
        proposal_ab().sign_as_giver(&receiver()),
        Err(ChannelError::Signer { role: "giver", .. })
    ));
    assert!(matches!(half.countersign(&giver()), Err(ChannelError::Signer { role: "receiver", .. })));
    // A half-signed statement is no statement, and the other way round.
    assert!(matches!(
        ChannelStatement::parse(half.to_string().as_bytes()),
        Err(ChannelError::Signers { .. })
    ));
    assert!(matches!(SignedProposal::parse(statement_ab().as_bytes()), Err(ChannelError::Signers { .. })));

    let text = proposal_ab().text();
    let line = |key: &SigningKey| sign_line(key, &text).unwrap();
    let parse = |lines| {
        let note = Note::new(text.clone(), lines).unwrap();
        ChannelStatement::parse(note.to_string().as_bytes())
    };
    let (a, b, log) = (line(&giver()), line(&receiver()), line(&log_ab()));
    assert!(parse(vec![a.clone(), b.clone()]).is_ok());
    for lines in [
        vec![b.clone(), a.clone()],
        vec![a.clone(), a.clone()],
        vec![a.clone(), b.clone(), log],
        vec![a.clone(), b.clone(), b],
    ] {
        assert!(matches!(parse(lines), Err(ChannelError::Signers { .. })));
    }
    let other = sign_line(&receiver(), "other\n").unwrap();
    assert!(matches!(parse(vec![a, other]), Err(ChannelError::Note(NoteError::Signature { .. }))));
}

fn card() -> Card {
    Card {
        identity: giver().verifier().clone(),
        cosigner: giver_cosigner().verifier().clone(),
        address: Address::parse("node.service-a.example:8443").unwrap(),
        tls: [0xab; 32],
        encryption: EncryptionKey::parse("age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p")
            .unwrap(),
        contact: Contact::parse("Duty desk, Łódź: +48 00 000 00 00, ask for “the log”").unwrap(),
        issued: time("2026-12-01T09:00:00Z"),
    }
}

/// A card with this text, whatever it is, signed by the giver.
fn signed_card(text: &str) -> Result<Card, CardError> {
    let line = sign_line(&giver(), text).unwrap();
    let note = Note::new(text.into(), vec![line]).unwrap();
    Card::parse(note.to_string().as_bytes())
}

#[test]
fn a_card_is_made_and_read_byte_for_byte() {
    let text = card().text().unwrap();
    assert_eq!(
        text,
        "forewarn/card/v1\n\
         identity service-a.example+eff218be+AWF+RmxlkE3sSy1fMksDRHnckKmGBSwib2ajr+NSasrn\n\
         cosigner service-a.example/cosigner+47eb97b7+BP1bfTxSNFuyYP4j541mK9RztuOpHtNDqjjasC86tCoH\n\
         address node.service-a.example:8443\n\
         tls abababababababababababababababababababababababababababababababab\n\
         encryption age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p\n\
         contact Duty desk, Łódź: +48 00 000 00 00, ask for “the log”\n\
         issued 2026-12-01T09:00:00Z\n"
    );
    let signed = card().sign(&giver()).unwrap();
    assert!(signed.starts_with(&text));
    assert_eq!(Card::parse(signed.as_bytes()), Ok(card()));
    assert_eq!(card().name(), GIVER);
}

#[test]
fn what_is_no_card_is_told_from_a_bad_card_and_from_a_changed_one() {
    let signed = card().sign(&giver()).unwrap();
    for bytes in ["", "hello", "forewarn/card/v2\n", "forewarn/card/v1"] {
        assert_eq!(Card::parse(bytes.as_bytes()), Err(CardError::NotACard), "{bytes}");
    }
    let (cut, _) = signed.split_once("\n\n").unwrap();
    assert!(matches!(Card::parse(cut.as_bytes()), Err(CardError::Note(_))));

    let text = card().text().unwrap();
    for (line, wrong) in [
        (4, text.replace(":8443", ":08443")),
        (4, text.replace(":8443", "")),
        (5, text.replace("tls ab", "tls AB")),
        (6, text.replace("age1", "age2")),
        (7, text.replace("Łódź", "\u{202e}")),
        (8, text.replace("2026-12-01", "2026-13-01")),
        (8, text.replace(":00Z", ":60Z")),
        (8, text.replace(":00Z", ":00.5Z")),
        (8, text.replace('Z', "+00:00")),
        (9, format!("{text}more\n")),
    ] {
        let found = signed_card(&wrong);
        assert!(
            matches!(&found, Err(CardError::Malformed(Malformed { line: at, .. })) if *at == line),
            "{wrong} {found:?}"
        );
    }
    let wrong_id = text.replace("+eff218be+", "+00000000+");
    assert!(matches!(signed_card(&wrong_id), Err(CardError::Key { role: "identity", .. })));

    let changed = signed.replace("8443", "9443");
    assert!(matches!(Card::parse(changed.as_bytes()), Err(CardError::Signature { .. })));
}

#[test]
fn a_card_is_signed_by_its_identity_alone() {
    assert!(matches!(card().sign(&receiver()), Err(CardError::Signer { .. })));
    let text = card().text().unwrap();
    let parse = |keys: &[SigningKey]| {
        let lines = keys.iter().map(|key| sign_line(key, &text).unwrap()).collect();
        Card::parse(Note::new(text.clone(), lines).unwrap().to_string().as_bytes())
    };
    assert!(parse(&[giver()]).is_ok());
    for keys in [vec![receiver()], vec![giver(), receiver()], vec![giver(), giver()]] {
        assert!(matches!(parse(&keys), Err(CardError::Signature { .. })));
    }
}

#[test]
fn identity_and_cosigner_of_a_card_belong_together() {
    let cosigner = |role, name: &str, kind| key(role, name, kind).verifier().clone();
    let name = "service-a.example/cosigner";
    for cosigner in [
        cosigner("giver cosigner", name, KeyKind::Ed25519),
        cosigner("giver cosigner", "service-a.example/other", KeyKind::CosignatureV1),
        cosigner("giver cosigner", "service-b.example/cosigner", KeyKind::CosignatureV1),
        cosigner("giver identity", name, KeyKind::CosignatureV1),
    ] {
        let wrong = Card { cosigner, ..card() };
        assert!(matches!(wrong.sign(&giver()), Err(CardError::Keys { .. })));
        assert!(matches!(signed_card(&wrong.text().unwrap()), Err(CardError::Keys { .. })));
    }
}

#[test]
fn a_card_is_at_most_4_kib_and_issued_at_a_whole_second() {
    let long = Card {
        encryption: EncryptionKey::parse(&format!("age1{}", "q".repeat(2500))).unwrap(),
        contact: Contact::parse(&"😀".repeat(200)).unwrap(),
        ..card()
    };
    let signed = long.sign(&giver()).unwrap();
    assert!(signed.len() < 4096);
    assert_eq!(Card::parse(signed.as_bytes()), Ok(long));
    assert!(matches!(Card::parse(&[b'x'; 4097]), Err(CardError::TooLarge { bytes: 4097, limit: 4096 })));
    let fraction = Card { issued: time("2026-12-01T09:00:00.5Z"), ..card() };
    assert!(matches!(fraction.sign(&giver()), Err(CardError::Issued { .. })));
    let before = Card { issued: time("-000001-12-01T09:00:00Z"), ..card() };
    assert!(matches!(before.sign(&giver()), Err(CardError::Issued { .. })));
}

#[test]
fn an_address_is_one_host_and_one_port() {
    for text in [
        "a:1",
        "node-1.service.example:65535",
        "192.0.2.1:8443",
        "[2001:db8::1]:8443",
        "localhost:8443",
        "4you.example:1",
    ] {
        assert_eq!(Address::parse(text).unwrap().to_string(), text);
    }
    let address = Address::parse("[::1]:8443").unwrap();
    assert_eq!((address.host(), address.port()), ("[::1]", 8443));
    for text in [
        "",
        ":1",
        "a",
        "a:",
        "a:0",
        "a:65536",
        "a:01",
        "A.example:1",
        "a b:1",
        "-a:1",
        "a-:1",
        "a..b:1",
        "a.:1",
        "256.0.0.1:1",
        "1.2.3:1",
        "01.2.3.4:1",
        "::1:1",
        "[2001:DB8::1]:1",
        "[2001:db8:0::1]:1",
        "[::1:1",
        "[1.2.3.4]:1",
        "[::1%1]:1",
        "user@a:1",
        "a/b:1",
        "ä:1",
    ] {
        assert!(matches!(Address::parse(text), Err(CardError::Field { .. })), "{text}");
    }
    assert!(Address::parse(&format!("{}:1", "a".repeat(64))).is_err());
    assert!(Address::parse(&format!("{}a:1", "a.".repeat(127))).is_err());
}

#[test]
fn a_contact_line_has_no_character_that_does_not_show() {
    for text in ["x", "+44 20 0000 0000", "дежурный", "当直", "a\u{301}"] {
        assert_eq!(Contact::parse(text).unwrap().as_str(), text);
    }
    assert!(Contact::parse(&"ä".repeat(200)).is_ok());
    assert!(Contact::parse(&"ä".repeat(201)).is_err());
    assert!(Contact::parse("").is_err());
    for unseen in [
        '\0',
        '\t',
        '\n',
        '\u{1b}',
        '\u{7f}',
        '\u{85}',
        '\u{9b}',
        '\u{ad}',
        '\u{61c}',
        '\u{115f}',
        '\u{200b}',
        '\u{200d}',
        '\u{200e}',
        '\u{200f}',
        '\u{2028}',
        '\u{202a}',
        '\u{202e}',
        '\u{2060}',
        '\u{2066}',
        '\u{2069}',
        '\u{3164}',
        '\u{e000}',
        '\u{fdd0}',
        '\u{fe0f}',
        '\u{feff}',
        '\u{fff9}',
        '\u{ffff}',
        '\u{e0041}',
        '\u{e0100}',
        '\u{10ffff}',
    ] {
        let text = format!("desk{unseen}1");
        assert!(matches!(Contact::parse(&text), Err(CardError::Field { .. })), "{unseen:?}");
    }
}

#[test]
fn an_error_shows_foreign_text_escaped_and_cut() {
    let error = Contact::parse(&format!("\u{1b}[2J{}", "x".repeat(500))).unwrap_err();
    let shown = error.to_string();
    assert!(shown.is_ascii() || shown.contains('…'));
    assert!(shown.contains("\\u{1b}[2J") && shown.len() < 160, "{shown}");
    let hash = Hash::from_base64("\u{202e}").unwrap_err().to_string();
    assert!(hash.is_ascii(), "{hash}");
}
