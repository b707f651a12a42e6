//! Our own forms: files of warnings and agreements, bodies of entries, names, and what people type and are shown.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use jiff::Timestamp;
use model::agreement::{AGREEMENT_BYTES_MAX, Terms};
use model::body::{self, BODY_BYTES_MAX, TEXT_CHARS_MAX};
use model::facts::{Facts, of_entry};
use model::file::{FILE_BYTES_MAX, WarningFile};
use model::id::{Digest, EntryRef, PartyName, PendingId, PersonName, ProposalId, WarningId};
use model::plain::{is_unseen, plain, plain_line};
use model::received;
use model::relation::{Logged, Relation, Side};
use model::vocab::{Domain, HarmKind, MatterKind, Precedence, Purpose, Role, Tlp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use testkit::{A, B, TestHouses};
use tlog::channel::{Origin, Use};

use crate::{Begun, same, world};

fn now() -> Timestamp {
    world::time("2026-12-10T14:00:00Z")
}

pub(crate) fn warning_file() -> Begun {
    let sparse = WarningFile { subjects: Vec::new(), sources: Vec::new(), ..testkit::warning() };
    let examples = [model::file::TEMPLATE.into(), serde_json::to_vec(&sparse).unwrap()];
    Begun::of(examples, |bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        let Ok(file) = WarningFile::parse(text) else { return };
        assert!(bytes.len() <= FILE_BYTES_MAX);
        // What the node keeps of it is read again when it is previewed.
        let kept = serde_json::to_string(&file).unwrap();
        if kept.len() <= FILE_BYTES_MAX {
            assert_eq!(WarningFile::parse(&kept), Ok(file.clone()), "what is kept reads back the same");
        }
        let _ = file.check_review_dates(now());
        let Ok(written) = file.written(now()) else { return };
        assert_eq!(file.written(now()), Ok(written.clone()));
        for rung in written.fields.iter().flat_map(|field| &field.rungs) {
            assert!(rung.handling.is_at_least(&written.handling), "a rung is never looser than the warning");
            assert!(!rung.value.is_free_text() || rung.value.plain().chars().count() <= TEXT_CHARS_MAX);
        }
    })
}

pub(crate) fn agreement() -> Begun {
    let template = model::file::without_comments(model::agreement::TEMPLATE);
    Begun::of([template.into_bytes(), testkit::terms(A, B).text().into_bytes()], |bytes| {
        let Ok(terms) = Terms::parse(bytes) else { return };
        assert!(bytes.len() <= AGREEMENT_BYTES_MAX);
        let text = terms.text();
        if text.len() <= AGREEMENT_BYTES_MAX {
            assert_eq!(Terms::parse(text.as_bytes()), Ok(terms.clone()));
        }
        let other = testkit::terms(A, B);
        let (one, two) = (terms.stricter(&other), other.stricter(&terms));
        assert_eq!(one.domains, two.domains, "of two agreements the stricter is one");
        assert_eq!((one.life_exception, one.volume, one.until), (two.life_exception, two.volume, two.until));
    })
}

/// Every entry that two houses wrote to each other: its kind in the first line, then its body.
fn entries_of_houses() -> Vec<Vec<u8>> {
    let houses = TestHouses::two();
    let sent = houses.a().warn(&testkit::warning(), &[B]);
    houses.settle_all();
    let release = houses.b().newest();
    houses.b().read("desk1", &release).unwrap();
    houses.b().dispose("desk1", &release, model::vocab::Disposition::Accepted).unwrap();
    houses.b().undertake(A).unwrap();
    houses.settle_all();
    houses.a().recall(sent.warning);
    houses.settle_all();
    let mut found = Vec::new();
    for house in houses.all() {
        let channels = house.store().view(|view| view.channels()).unwrap();
        for channel in channels.iter().filter(|channel| channel.side == store::ChannelSide::Ours) {
            for index in 0..channel.size() {
                let name = format!("{}/{index}", channel.origin.hex());
                if let Some(body) = house.body(&name) {
                    let kind = house.entry(&name).kind;
                    found.push([kind.as_bytes(), b"\n", &body].concat());
                }
            }
        }
    }
    found
}

fn written(kind: &str, body: &str) -> Vec<u8> {
    format!("{kind}\n{body}").into_bytes()
}

fn bodies() -> Vec<Vec<u8>> {
    let facts = r#""status":"actual","domain":"counter_terrorism","kind":"threat","precedence":"flash","harm":["killing"],"acknowledge_minutes":15,"outcome_minutes":60,"life_floor":false"#;
    let mut bodies = entries_of_houses();
    bodies.extend([
        written("channel.opened", "forewarn/channel/v1\n"),
        written("outcome.reported", r#"{"event":"not_occurred","counts":[{"measure":"lives_lost","value":0,"counter":"service-b.example"}]}"#),
        written("warning.recalled", &format!(r#"{{"recalls":1,"reason":"error","kind":"warning.released","domain":"counter_terrorism","counts":true,"release":{{"written":"2026-12-10T14:00:00Z","facts":{{{facts}}}}}}}"#)),
        written("recall.contested", r#"{"reason":"lawful_retention","role":"duty officer"}"#),
        written("thanks.given", r#"{"text":"thank you","from_role":"duty officer","relay_to":"desk"}"#),
        written("undertaking.accepted", r#"{"role":"duty officer"}"#),
    ]);
    bodies
}

/// The kind and the body.
pub(crate) fn parts(bytes: &[u8]) -> (&str, &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    (std::str::from_utf8(&bytes[..end]).unwrap_or_default(), bytes.get(end + 1..).unwrap_or_default())
}

fn reads_back<T: Serialize + DeserializeOwned + PartialEq + Debug>(bytes: &[u8]) {
    let Ok(read) = body::read::<T>(bytes) else { return };
    assert!(bytes.len() <= BODY_BYTES_MAX);
    let again = serde_json::to_vec(&read).unwrap();
    if again.len() <= BODY_BYTES_MAX {
        assert_eq!(body::read::<T>(&again), Ok(read), "what is read is written in a form that reads back");
    }
}

pub(crate) fn body() -> Begun {
    Begun::of(bodies(), |bytes| {
        let (kind, text) = parts(bytes);
        for channel in [Use::Actual, Use::Exercise] {
            let facts = of_entry(kind, channel, text);
            // Facts are kept, and are all that is left of an entry that was erased.
            let kept = serde_json::to_string(&facts).unwrap();
            assert_eq!(serde_json::from_str::<Facts>(&kept).unwrap(), facts, "facts read back the same");
        }
        reads_back::<body::AgreementAnswer>(text);
        reads_back::<body::DomainChange>(text);
        reads_back::<body::ReleaseHeader>(text);
        reads_back::<body::StandingChange>(text);
        reads_back::<body::Recall>(text);
        reads_back::<body::RecallConfirmed>(text);
        reads_back::<body::RecallContested>(text);
        reads_back::<body::ReadNote>(text);
        reads_back::<body::DispositionNote>(text);
        reads_back::<body::Outcome>(text);
        reads_back::<body::Thanks>(text);
        reads_back::<body::ThanksRelayed>(text);
        reads_back::<body::Undertaking>(text);
        reads_back::<body::UndertakingAccepted>(text);
        if let Ok(outcome) = body::read::<body::Outcome>(text) {
            let _ = outcome.check();
        }
    })
}

pub(crate) fn bundle() -> Begun {
    let all = entries_of_houses();
    let bundles = all.iter().map(|bytes| parts(bytes)).filter(|(kind, _)| *kind == "warning.released");
    let examples: Vec<_> = bundles.map(|(_, body)| body.to_vec()).collect();
    assert!(!examples.is_empty() && examples.iter().all(|body| received::read(body).is_ok()));
    Begun::of(examples, |bytes| {
        let header = received::release_header(bytes);
        let Ok(warning) = received::read(bytes) else { return };
        assert!(bytes.len() <= BODY_BYTES_MAX);
        assert_eq!(header, Ok(warning.header), "the header alone is that of the whole");
    })
}

/// Two logs, one kind and body after another, by lines of `%%`: whichever of the two is read first, the state is the same.
pub(crate) fn fold() -> Begun {
    let bodies = bodies();
    let piece = |bodies: &[Vec<u8>]| bodies.join(&b"\n%%\n"[..]);
    let small = bodies.iter().filter(|body| body.len() < 600).cloned().collect::<Vec<_>>();
    let logs = [(Side::Ours, world::origin_ab()), (Side::Theirs, world::origin_ba())];
    Begun::of([piece(&bodies), piece(&small), piece(&small[small.len() / 2..])], move |bytes| {
        let logged = logged(bytes, logs);
        let folded = |first: Side| {
            let mut relation = Relation::default();
            logs.iter().for_each(|(side, origin)| relation.name_log(*origin, *side, 0));
            let (one, other): (Vec<_>, Vec<_>) =
                logged.iter().cloned().partition(|entry| entry.side == first);
            one.into_iter().chain(other).for_each(|entry| relation.take(entry));
            relation
        };
        let relation = folded(Side::Ours);
        assert_eq!(relation, folded(Side::Theirs), "the fold does not depend on which log comes first");
        let _ =
            (relation.agreements(), relation.terms(), relation.releases().count(), relation.thanks().count());
        for domain in Domain::ALL {
            let _ = relation.domain(*domain);
        }
    })
}

fn logged(bytes: &[u8], logs: [(Side, Origin); 2]) -> Vec<Logged> {
    let mut rest = bytes;
    let mut found = Vec::new();
    let mut next = [0, 0];
    while !rest.is_empty() && found.len() < 64 {
        let end = rest.windows(4).position(|bytes| bytes == b"\n%%\n").unwrap_or(rest.len());
        let (kind, body) = parts(&rest[..end]);
        // The length of the body says in whose log it stands and what it answers, so that a change moves it about.
        let (side, origin) = logs[body.len() % 2];
        let (_, about) = logs[1 - body.len() / 2 % 2];
        let index = &mut next[body.len() % 2];
        found.push(Logged {
            at: EntryRef { origin, index: *index },
            side,
            written: Timestamp::UNIX_EPOCH,
            thread: [7; 16],
            answers: Some(EntryRef { origin: about, index: (body.len() / 4 % 8) as u64 }),
            facts: of_entry(kind, Use::Actual, body),
        });
        *index += 1;
        rest = rest.get(end + 4..).unwrap_or_default();
    }
    found
}

fn prints_back<T: FromStr + Display + PartialEq + Debug>(text: &str)
where
    T::Err: Debug + Display,
{
    match text.parse::<T>() {
        Ok(read) => assert_eq!(read.to_string().parse::<T>().unwrap(), read),
        Err(why) => assert!(why.to_string().len() < 2_000),
    }
}

pub(crate) fn name() -> Begun {
    let id = "0190f3c2-8f57-7a3c-9d1e-2b6f4a8c0d1e";
    let examples =
        [A.to_owned(), "desk1".into(), format!("w-{id}"), "ab".repeat(32), "counter_terrorism".into()];
    Begun::of(examples.map(String::into_bytes), |bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        prints_back::<WarningId>(text);
        prints_back::<ProposalId>(text);
        prints_back::<PendingId>(text);
        prints_back::<Digest>(text);
        prints_back::<gate::tls::SpkiPin>(text);
        let words = [
            text.parse::<PartyName>().map(|name| name.to_string()).ok(),
            text.parse::<PersonName>().map(|name| name.to_string()).ok(),
            text.parse::<Domain>().map(|word| word.to_string()).ok(),
            text.parse::<HarmKind>().map(|word| word.to_string()).ok(),
            text.parse::<MatterKind>().map(|word| word.to_string()).ok(),
            text.parse::<Precedence>().map(|word| word.to_string()).ok(),
            text.parse::<Purpose>().map(|word| word.to_string()).ok(),
            text.parse::<Role>().map(|word| word.to_string()).ok(),
            text.parse::<Tlp>().map(|word| word.to_string()).ok(),
        ];
        words.into_iter().flatten().for_each(|again| same(again, bytes));
    })
}

/// What reaches a terminal: nothing in it is unseen, and nothing that can be seen is lost.
pub(crate) fn shown() -> Begun {
    let examples = ["red\u{1b}[31m \u{202e}cba\u{200b}.", "two\nlines", "a\nb\r\t"];
    Begun::of(examples.map(|text| text.as_bytes().to_vec()), |bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        let (page, line) = (plain(text), plain_line(text));
        assert!(!page.chars().any(|c| c != '\n' && is_unseen(c)) && !line.chars().any(is_unseen));
        assert_eq!(plain(&page), page);
        let seen: String = text.chars().filter(|c| !is_unseen(*c)).collect();
        assert!(text != seen || line == text);
    })
}

/// What people type: the words of a fingerprint, and a one-time secret.
pub(crate) fn typed() -> Begun {
    let words = exchange::partner::fingerprint_words(world::giver().verifier()).unwrap();
    let secret = "0123456789abcdefghjkmnpqrstvwxyz";
    Begun::of([words.clone().into_bytes(), secret.into()], move |bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        if let Ok(seed) = exchange::partner::heard_words(text) {
            let own = seed == world::trusted().giver.words_seed();
            let said = text.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>().join(" ");
            assert!(!own || said == words, "twelve words stand for one key");
        }
        if let Some(secret) = exchange::people::OneTimeSecret::parse(text) {
            let shown = secret.text();
            let again = exchange::people::OneTimeSecret::parse(&shown).map(|again| again.text().to_string());
            assert_eq!(again.as_deref(), Some(shown.as_str()));
        }
    })
}

pub(crate) fn decision() -> Begun {
    let houses = TestHouses::of(&[A]);
    let key = houses.a().key("release1");
    let (node, by) = (A.parse::<PartyName>().unwrap(), "release1".parse::<PersonName>().unwrap());
    let digest = Digest::of(b"what was shown");
    let decided = exchange::person_key::Decision::new("release.approve", "p-1", digest, &node, &by, now());
    let note = key.sign_decision(&decided).unwrap();
    let verifier = key.verifier().clone();
    Begun::of([note.clone().into_bytes()], move |bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        if exchange::person_key::verify_decision(text, &verifier).is_ok() {
            assert_eq!(text, note, "nobody signed this decision");
        }
    })
}
