//! Keys, signed notes, checkpoints and cosignatures: what is accepted and what is refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod world;

use base64ct::{Base64, Encoding};
use tlog::channel::Origin;
use tlog::checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint};
use tlog::commitment::Salt;
use tlog::cosignature::{Cosignature, CosignatureError, cosign};
use tlog::grammar::Malformed;
use tlog::hash::{Hash, HashError, empty_root};
use tlog::key::{Fingerprint, KeyError, KeyKind, SigningKey, VerifierKey};
use tlog::note::{NOTE_BYTES_MAX, Note, NoteError, NoteSignature, sign_line};
use world::*;

const TIME: u64 = 1_796_115_602;

#[test]
fn a_key_survives_its_text() {
    for key in [giver(), log_ab(), receiver_cosigner()] {
        let text = key.verifier().to_string();
        assert_eq!(VerifierKey::parse(&text).as_ref(), Ok(key.verifier()));
    }
}

#[test]
fn a_key_with_another_id_name_type_or_spelling_is_refused() {
    let text = giver().verifier().to_string();
    assert!(matches!(VerifierKey::parse(&text.replace("eff218be", "eff218bf")), Err(KeyError::Id { .. })));
    assert!(matches!(VerifierKey::parse(&text.replace("service-a", "service-c")), Err(KeyError::Id { .. })));
    for wrong in [
        text.replace("eff218be", "EFF218BE"),
        text.replace("eff218be", "eff218b"),
        format!("{text}="),
        format!("{text} "),
        text.trim_end_matches("rn").to_owned(),
        "service-a.example".into(),
        String::new(),
    ] {
        assert!(matches!(VerifierKey::parse(&wrong), Err(KeyError::Shape { .. })), "{wrong}");
    }
    // Type 0x02 in front of the same key: base64 of 33 bytes that begin with 2.
    let other_type = text.replace("+AWF+", "+AmF+");
    assert_eq!(VerifierKey::parse(&other_type), Err(KeyError::Kind { byte: 2 }));
}

#[test]
fn a_key_name_is_short_plain_ascii() {
    let named = |name: &str| SigningKey::from_seed(name, KeyKind::Ed25519, [7; 32]);
    for name in ["a", "~", &"n".repeat(200)] {
        assert_eq!(named(name).unwrap().name(), name);
    }
    for name in ["", "a b", "a+b", "a\n", "ä", "a\u{7f}", &"n".repeat(201)] {
        assert!(matches!(named(name), Err(KeyError::Name { .. })), "{name:?}");
    }
}

#[test]
fn keys_of_small_order_and_second_spellings_of_points_are_refused() {
    // The eight points of small order, then y = p, p + 1, p + 3 (second spellings of 0, 1, 3), then 2^255 -
    // 1.
    let small = [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        // x = 0 with the sign bit set
        "0100000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ];
    let twice = [
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ];
    let read = |digits: &str| {
        let key = *Hash::from_hex(digits).unwrap().as_bytes();
        VerifierKey::new("k", KeyKind::Ed25519, key)
    };
    for digits in small {
        assert!(matches!(read(digits), Err(KeyError::Weak { .. })), "{digits}");
    }
    for digits in twice {
        assert!(matches!(read(digits), Err(KeyError::Point { .. })), "{digits}");
    }
}

#[test]
fn a_signature_has_one_spelling_and_no_point_of_small_order() {
    let (key, text) = (giver(), "text\n");
    let line = sign_line(&key, text).unwrap();
    let refused = |signature: &[u8]| {
        let found = note_line(&key, signature).verify_text(text, key.verifier());
        matches!(found, Err(NoteError::Signature { .. }))
    };
    // S + L is the same number modulo the order L of the group (RFC 8032 §5.1.7 demands S < L).
    let order = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";
    let order = hex::decode(order).unwrap();
    let mut larger = line.payload().to_vec();
    let mut carry = 0;
    for (byte, add) in larger[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = sum as u8;
        carry = sum >> 8;
    }
    assert_eq!(carry, 0);
    assert!(refused(&larger));

    // R is the neutral point and S = k · a: the plain equation of RFC 8032 §5.1.7 holds.
    let neutral = "0100000000000000000000000000000000000000000000000000000000000000";
    let s = "5a47e0d4233fe741bc538112df69f6813f4fb321e1e42851baa3a8bd6e3e340d";
    assert!(refused(&hex::decode(format!("{neutral}{s}")).unwrap()));
    assert!(!refused(line.payload()));
}

#[test]
fn secrets_do_not_show_in_debug() {
    let seed = hex::encode(seed("giver identity"));
    let shown = format!("{:?}", giver());
    assert!(!shown.contains(&seed) && shown.starts_with("SigningKey(…"));
    assert_eq!(format!("{:?}", Salt::from_bytes([9; 32])), "Salt(…)");
}

#[test]
fn drawn_secrets_come_from_the_generator_handed_in() {
    use rand::SeedableRng;
    let rng = || rand::rngs::StdRng::seed_from_u64(1);
    let draw = |rng: &mut rand::rngs::StdRng| {
        let key = SigningKey::draw("k", KeyKind::Ed25519, rng).unwrap();
        (*key.seed(), *Salt::draw(rng).as_bytes(), *tlog::entry::Thread::draw(rng).as_bytes())
    };
    let mut first = rng();
    let drawn = draw(&mut first);
    assert_eq!(drawn, draw(&mut rng()));
    assert_ne!(drawn, draw(&mut first));
    let again = SigningKey::from_seed("k", KeyKind::Ed25519, drawn.0).unwrap();
    assert_eq!(*again.seed(), drawn.0);
}

#[test]
fn a_fingerprint_is_the_hash_of_the_key_text_and_its_words_the_first_half() {
    let key = giver();
    let fingerprint = key.verifier().fingerprint();
    assert_eq!(fingerprint.as_bytes(), &digest(&key.verifier().to_string()));
    assert_eq!(fingerprint.words_seed(), fingerprint.as_bytes()[..16]);
    assert_eq!(Fingerprint::from_hex(&fingerprint.to_string()), Ok(fingerprint));
    let upper = fingerprint.to_string().to_uppercase();
    assert!(matches!(Fingerprint::from_hex(&upper), Err(KeyError::Fingerprint { .. })));
}

#[test]
fn a_hash_has_one_spelling() {
    let hash = empty_root();
    assert_eq!(Hash::from_base64(&hash.to_string()), Ok(hash));
    assert_eq!(Hash::from_hex(&hash.to_hex()), Ok(hash));
    assert_eq!(format!("{hash:?}"), format!("Hash({})", hash.to_hex()));
    let base64 = hash.to_string();
    // The last character before the padding carries two bits that must be zero: `U` and `V` decode alike.
    let second_spelling = base64.replace("uFU=", "uFV=");
    assert_ne!(second_spelling, base64);
    for wrong in [second_spelling, base64.replace('=', ""), base64.replace('+', "-"), format!("{base64}\n")] {
        assert!(matches!(Hash::from_base64(&wrong), Err(HashError::Base64 { .. })), "{wrong}");
    }
    assert!(matches!(Hash::from_hex(&hash.to_hex().to_uppercase()), Err(HashError::Hex { .. })));
}

#[test]
fn a_note_text_may_hold_empty_lines_and_no_control_characters() {
    let key = giver();
    let text = "one\n\n\ntwo — three\n\n";
    let line = sign_line(&key, text).unwrap();
    let note = Note::new(text.into(), vec![line.clone()]).unwrap();
    let read = Note::parse(note.to_string().as_bytes()).unwrap();
    assert_eq!(read, note);
    read.verify(key.verifier()).unwrap();

    assert_eq!(sign_line(&key, "a\tb\n"), Err(NoteError::Control { at: 1 }));
    assert_eq!(sign_line(&key, "no end"), Err(NoteError::Text));
    assert_eq!(sign_line(&key, ""), Err(NoteError::Text));
    let carriage = note.to_string().replace("one\n", "one\r\n");
    assert_eq!(Note::parse(carriage.as_bytes()), Err(NoteError::Control { at: 3 }));
}

#[test]
fn a_note_without_proper_signature_lines_is_refused() {
    let line = sign_line(&giver(), "text\n").unwrap();
    for wrong in ["text\n", "text\n\n", "text\n\n\n"] {
        assert_eq!(Note::parse(wrong.as_bytes()), Err(NoteError::NoSignatures), "{wrong:?}");
    }
    assert_eq!(Note::parse(format!("text\n\n{line}").as_bytes()), Err(NoteError::NoSignatures));
    for wrong in [
        format!("text\n\n{line}\nmore\n"),
        format!("text\n\n{line} \n"),
        format!("text\n\n{}\n", line.to_string().replace('—', "-")),
        "text\n\n— name AAAA\n".into(),
        "text\n\n— name AAAAAA==\n".into(),
        "text\n\n— na+me AAAAAAA=\n".into(),
        "text\n\n—  AAAAAAA=\n".into(),
    ] {
        assert!(matches!(Note::parse(wrong.as_bytes()), Err(NoteError::Line { .. })), "{wrong:?}");
    }
    assert_eq!(Note::parse(b"text\xff\n\n"), Err(NoteError::Utf8 { at: 4 }));
    assert!(Note::parse("text\n\n— name AAAAAAA=\n".as_bytes()).is_ok());
}

#[test]
fn a_note_has_at_most_16_lines_and_64_kib() {
    let line = sign_line(&giver(), "text\n").unwrap();
    let with = |lines: usize| format!("text\n\n{}", format!("{line}\n").repeat(lines));
    assert!(Note::parse(with(16).as_bytes()).is_ok());
    assert_eq!(Note::parse(with(17).as_bytes()), Err(NoteError::TooManyLines { lines: 17, limit: 16 }));
    assert!(matches!(
        Note::new("text\n".into(), vec![line.clone(); 17]),
        Err(NoteError::TooManyLines { .. })
    ));
    let long = format!("{}\n", "x".repeat(NOTE_BYTES_MAX));
    assert!(matches!(Note::new(long, vec![line.clone()]), Err(NoteError::TooLarge { .. })));
    let rest = format!("\n\n{line}\n");
    let exact = format!("{}{rest}", "x".repeat(NOTE_BYTES_MAX - rest.len()));
    assert!(Note::parse(exact.as_bytes()).is_ok());
    assert!(matches!(
        Note::parse(format!("x{exact}").as_bytes()),
        Err(NoteError::TooLarge { bytes, .. }) if bytes == NOTE_BYTES_MAX + 1
    ));
}

#[test]
fn a_note_is_verified_by_the_one_line_of_the_key() {
    let (a, b) = (giver(), receiver());
    let line = sign_line(&a, "text\n").unwrap();
    let note = Note::new("text\n".into(), vec![line.clone()]).unwrap();
    assert_eq!(note.verify(a.verifier()), Ok(()));
    assert!(matches!(note.verify(b.verifier()), Err(NoteError::Unsigned { .. })));
    let twice = Note::new("text\n".into(), vec![line.clone(), line.clone()]).unwrap();
    assert!(matches!(twice.verify(a.verifier()), Err(NoteError::Twice { .. })));
    let other = Note::new("other\n".into(), vec![line]).unwrap();
    assert!(matches!(other.verify(a.verifier()), Err(NoteError::Signature { .. })));
    let cosigner = giver_cosigner();
    assert!(matches!(sign_line(&cosigner, "text\n"), Err(NoteError::Kind { .. })));
}

#[test]
fn a_checkpoint_is_signed_by_the_key_named_after_its_origin() {
    let head = head_ab(2);
    assert!(head.sign(&log_ab()).unwrap().verify_log(log_ab().verifier()).is_ok());
    assert!(matches!(head.sign(&giver()), Err(CheckpointError::KeyName { .. })));
    assert!(matches!(head.sign(&log_ba()), Err(CheckpointError::KeyName { .. })));
    let signed = head.sign(&log_ab()).unwrap();
    assert!(matches!(signed.verify_log(log_ba().verifier()), Err(CheckpointError::KeyName { .. })));
    let cosigner = key("x", &head.origin.to_string(), KeyKind::CosignatureV1);
    assert!(matches!(head.sign(&cosigner), Err(CheckpointError::Note(NoteError::Kind { .. }))));
    let huge = Checkpoint { size: 1 << 48, ..head };
    assert_eq!(huge.sign(&log_ab()), Err(CheckpointError::Size { size: 1 << 48 }));
}

#[test]
fn a_checkpoint_text_is_three_lines_and_nothing_else() {
    let head = head_ab(2);
    let key = log_ab();
    let read = |text: &str| {
        let line = sign_line(&key, text).unwrap();
        let note = Note::new(text.into(), vec![line]).unwrap();
        SignedCheckpoint::parse(note.to_string().as_bytes())
    };
    assert_eq!(read(&head.text()).unwrap().checkpoint(), &head);
    let (origin, root) = (head.origin, head.root);
    for (text, line) in [
        (format!("{origin}\n2\n{root}\nextension\n"), 4),
        (format!("{origin}\n2\n{root}\n\n"), 4),
        (format!("{origin}\n2\n"), 3),
        (format!("{origin}\n02\n{root}\n"), 2),
        (format!("{origin}\n+2\n{root}\n"), 2),
        (format!("{origin}\n\n{root}\n"), 2),
        (format!("{origin}\n281474976710656\n{root}\n"), 2),
        (format!("{origin}\n99999999999999999999\n{root}\n"), 2),
        (format!("{origin}\n2\n{}\n", root.to_hex()), 3),
        (format!("{origin} \n2\n{root}\n"), 1),
        (format!("example.org/log\n2\n{root}\n"), 1),
        (format!("{}\n2\n{root}\n", origin.to_string().to_uppercase()), 1),
    ] {
        let found = read(&text);
        assert!(
            matches!(&found, Err(CheckpointError::Malformed(Malformed { line: at, .. })) if *at == line),
            "{text:?} {found:?}"
        );
    }
    assert_eq!(
        read(&format!("{origin}\n281474976710655\n{root}\n")).unwrap().checkpoint().size,
        (1 << 48) - 1
    );
}

#[test]
fn an_origin_has_one_spelling() {
    let origin = origin_ab();
    assert_eq!(Origin::parse(&origin.to_string()), Ok(origin));
    assert_eq!(Origin::from_hex(&origin.hex()), Ok(origin));
    for wrong in [origin.hex(), origin.to_string().to_uppercase(), format!("{origin}0"), String::new()] {
        assert!(Origin::parse(&wrong).is_err(), "{wrong}");
    }
    assert!(Origin::from_hex(&origin.hex().to_uppercase()).is_err());
}

#[test]
fn a_cosignature_is_of_one_checkpoint_one_time_and_one_key() {
    let (head, cosigner) = (head_ab(2), receiver_cosigner());
    let line = cosign(&head, TIME, &cosigner).unwrap();
    assert_eq!(line.time(), TIME);
    assert_eq!(line.verify(&head, cosigner.verifier()), Ok(()));
    assert_eq!(Cosignature::parse_line(&line.to_string()), Ok(line.clone()));
    for other in [
        Checkpoint { size: 3, ..head },
        Checkpoint { root: empty_root(), ..head },
        Checkpoint { origin: origin_ba(), ..head },
    ] {
        assert!(matches!(
            line.verify(&other, cosigner.verifier()),
            Err(CosignatureError::Line(NoteError::Signature { .. }))
        ));
    }
    assert!(matches!(
        line.verify(&head, giver_cosigner().verifier()),
        Err(CosignatureError::Line(NoteError::Unsigned { .. }))
    ));
    assert!(matches!(
        line.verify(&head, log_ab().verifier()),
        Err(CosignatureError::Line(NoteError::Kind { .. }))
    ));
    assert!(matches!(cosign(&head, TIME, &log_ab()), Err(CosignatureError::Line(NoteError::Kind { .. }))));

    let mut payload = line.line().payload().to_vec();
    payload[7] ^= 1;
    let moved = line_of(&cosigner, &payload);
    assert_eq!(moved.time(), TIME ^ 1);
    assert!(moved.verify(&head, cosigner.verifier()).is_err());
}

#[test]
fn a_cosignature_has_a_time_above_0_and_below_2_to_the_63() {
    let (head, cosigner) = (head_ab(2), receiver_cosigner());
    let last = (1 << 63) - 1;
    assert_eq!(cosign(&head, last, &cosigner).unwrap().time(), last);
    for time in [0, 1 << 63, u64::MAX] {
        assert_eq!(cosign(&head, time, &cosigner), Err(CosignatureError::Time { time }));
        let payload = [time.to_be_bytes().as_slice(), &[0; 64]].concat();
        let line = note_line(&cosigner, &payload);
        assert_eq!(Cosignature::from_line(line), Err(CosignatureError::Time { time }));
    }
    for bytes in [1, 64, 71, 73] {
        let line = note_line(&cosigner, &vec![1; bytes]);
        assert!(matches!(
            Cosignature::from_line(line),
            Err(CosignatureError::Length { bytes: found, .. }) if found == bytes
        ));
    }
}

#[test]
fn a_checkpoint_with_a_stray_double_or_false_line_is_refused() {
    let (log, cosigner) = (log_ab(), receiver_cosigner());
    let known = [log.verifier(), cosigner.verifier()];
    let signed = signed_ab(2, TIME);
    signed.check_lines(&known).unwrap();
    // A known key need not have signed.
    head_ab(2).sign(&log).unwrap().check_lines(&known).unwrap();

    let foreign = cosign(&head_ab(2), TIME, &giver_cosigner()).unwrap();
    let stray = signed.and_line(foreign.line().clone()).unwrap();
    assert!(matches!(stray.check_lines(&known), Err(CheckpointError::Stray { .. })));
    assert_eq!(stray.only_lines_of(&known).unwrap(), signed);

    let later = cosign(&head_ab(2), TIME + 1, &cosigner).unwrap();
    let double = signed.and_line(later.line().clone()).unwrap();
    assert!(matches!(double.check_lines(&known), Err(CheckpointError::Note(NoteError::Twice { .. }))));

    let elsewhere = cosign(&head_ab(3), TIME, &cosigner).unwrap();
    let false_line = head_ab(2).sign(&log).unwrap().and_line(elsewhere.line().clone()).unwrap();
    assert!(matches!(
        false_line.check_lines(&known),
        Err(CheckpointError::Cosignature(CosignatureError::Line(NoteError::Signature { .. })))
    ));
    assert!(false_line.cosignature_of(cosigner.verifier()).is_err());
    assert!(matches!(
        head_ab(2).sign(&log).unwrap().cosignature_of(cosigner.verifier()),
        Err(CheckpointError::Note(NoteError::Unsigned { .. }))
    ));
}

#[test]
fn a_key_of_the_right_name_and_id_but_other_bytes_does_not_verify() {
    // The key id is 4 bytes of a hash: a line may name a key that did not make it.
    let line = sign_line(&giver(), "text\n").unwrap();
    let mut payload = line.payload().to_vec();
    payload[0] ^= 1;
    let note = Note::new("text\n".into(), vec![note_line(&giver(), &payload)]).unwrap();
    assert!(matches!(note.verify(giver().verifier()), Err(NoteError::Signature { .. })));
    let short = Note::new("text\n".into(), vec![note_line(&giver(), &payload[..63])]).unwrap();
    assert!(matches!(short.verify(giver().verifier()), Err(NoteError::Signature { .. })));
}

fn note_line(key: &SigningKey, payload: &[u8]) -> NoteSignature {
    let bytes = [key.verifier().id().as_slice(), payload].concat();
    let base64 = Base64::encode_string(&bytes);
    NoteSignature::parse_line(&format!("— {} {base64}", key.name())).unwrap()
}

fn line_of(key: &SigningKey, payload: &[u8]) -> Cosignature {
    Cosignature::from_line(note_line(key, payload)).unwrap()
}
