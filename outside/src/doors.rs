//! What partners send: their certificate, requests at the peer door, answers to parcels, and carried files. Each reader has
//! a house of its own, with a partner that is driven by hand.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use age::x25519::Recipient;
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Request, StatusCode};
use exchange::deliver::{self, Answer, Next, Outgoing};
use exchange::partner;
use gate::clock::Clock;
use gate::serve::PeerPin;
use gate::tls::{SpkiPin, TlsIdentity, generate_certificate, spki_pin_of_certificate};
use model::id::Digest;
use peer::Peer;
use rand::SeedableRng;
use rand::rngs::StdRng;
use testkit::{A, B, ByHand, EntryOf, TestHouse, TestHouses, party};
use tlog::card::Card;
use tlog::channel::{ChannelStatement, SignedProposal, Use};
use tlog::checkpoint::SignedCheckpoint;
use tlog::cosignature::cosign;
use tlog::parcel::Parcel;
use tower::ServiceExt as _;

use crate::{Begun, same};

/// The longest answer that is read, in bytes: more than the largest parcel.
const ANSWER_BYTES_MAX: usize = 65 << 20;

pub(crate) fn certificate() -> Begun {
    let now = crate::world::time("2026-12-10T14:00:00Z");
    let made = generate_certificate(A, now, &mut StdRng::seed_from_u64(1)).unwrap();
    let pem = made.to_pem();
    let key = String::clone(&pem.private_key);
    let pin = made.pin().unwrap();
    let der = made.certificate_der.clone();
    Begun::of([der, pem.certificate.into_bytes()], move |bytes| {
        if let Ok(found) = spki_pin_of_certificate(bytes) {
            assert_eq!(spki_pin_of_certificate(bytes).unwrap(), found);
        }
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        if let Ok(identity) = TlsIdentity::from_pem(text, &key) {
            assert_eq!(identity.pin().unwrap(), pin, "the key belongs to one certificate alone");
        }
        assert!(TlsIdentity::from_pem(&String::from_utf8_lossy(bytes), text).is_err());
    })
}

/// House A, and partner B by hand, whose channels are open both ways and hold something.
fn scene() -> (TestHouses, ByHand) {
    let houses = TestHouses::of(&[A]);
    let mut b = ByHand::with(houses.a(), B, Use::Actual).opened();
    b.push(EntryOf::kind("cover", "one"));
    b.delivers(houses.a(), 0);
    houses.a().undertake(B).unwrap();
    b.takes(houses.a());
    houses.leave_undelivered();
    (houses, b)
}

/// A statement of B's exercise channel, half signed, and one with another nonce for the channel that is open.
fn proposals(a: &TestHouse) -> Vec<String> {
    let made = [Use::Exercise, Use::Actual].map(|use_| ByHand::would_propose(a, B, use_));
    let [(exercise, keys), (mut other, _)] = made;
    other.nonce = [9; 32];
    other.log = keys.log_key(&other.origin()).unwrap().verifier().clone();
    [exercise, other].map(|said| said.sign_as_giver(&keys.identity).unwrap().to_string()).to_vec()
}

/// The newest receipt for what the house has sent.
fn receipt_of(a: &TestHouse) -> String {
    let channels = a.store().view(|view| view.channels()).unwrap();
    let ours = channels.iter().find(|channel| channel.side == store::ChannelSide::Ours).unwrap();
    a.store().view(|view| view.newest_receipt(ours)).unwrap().unwrap().note.unwrap().to_string()
}

fn clock(now: jiff::Timestamp) -> Clock {
    static DRAWN: AtomicU64 = AtomicU64::new(0);
    Clock::new(move || now, || StdRng::seed_from_u64(DRAWN.fetch_add(1, Ordering::Relaxed)))
}

/// A request as bytes: a line with method and path, lines with headers, an empty line, the body.
fn requests(a: &TestHouse, b: &ByHand) -> Vec<Vec<u8>> {
    let ours = SignedCheckpoint::parse(receipt_of(a).as_bytes()).unwrap().checkpoint().origin.hex();
    let theirs = b.origin().hex();
    let parcel = b.parcel(2);
    let mut made = vec![
        [
            format!(
                "POST /peer/v1/log/{theirs}/add-entries\nContent-Type: application/vnd.forewarn.parcel\n\n"
            )
            .as_bytes(),
            &parcel,
        ]
        .concat(),
        [format!("POST /peer/v1/log/{ours}/receipt\n\n").as_bytes(), receipt_of(a).as_bytes()].concat(),
    ];
    for statement in proposals(a) {
        made.push(format!("POST /peer/v1/channel\n\n{statement}").into_bytes());
        made.push(format!("POST /peer/v1/channel/opened\n\n{statement}").into_bytes());
        made.push(
            format!("POST /peer/v1/channel/declined\n\nforewarn/declined/v1\nno\n\n{statement}").into_bytes(),
        );
    }
    let asked = [
        "channel?use=actual".to_owned(),
        format!("log/{ours}/parcel?from=1"),
        format!("log/{ours}/checkpoint"),
        format!("log/{theirs}/checkpoint/2"),
        format!("log/{theirs}/consistency?old=1&new=2"),
    ];
    made.extend(asked.iter().map(|path| format!("GET /peer/v1/{path}\n\n").into_bytes()));
    made
}

fn request_of(bytes: &[u8]) -> Option<Request<Body>> {
    let end = bytes.windows(2).position(|two| two == b"\n\n").unwrap_or(bytes.len());
    let mut lines = std::str::from_utf8(&bytes[..end]).ok()?.lines();
    let (method, path) = lines.next()?.split_once(' ')?;
    let headers = lines.filter_map(|line| line.split_once(": "));
    let empty = Request::builder().method(method).uri(path);
    let whole = headers.fold(empty, |request, (name, value)| request.header(name, value));
    let body = bytes.get(end + 2..).unwrap_or_default();
    whole.body(Body::from(Bytes::copy_from_slice(body))).ok()
}

async fn asked(router: Router, pin: [u8; 32], bytes: &[u8]) -> Option<(StatusCode, Bytes)> {
    let mut request = request_of(bytes)?;
    request.extensions_mut().insert(PeerPin(SpkiPin(pin)));
    let answer = router.oneshot(request).await.unwrap();
    Some((answer.status(), to_bytes(answer.into_body(), ANSWER_BYTES_MAX).await.unwrap()))
}

/// A request at the peer door: a partner is answered with one of the statuses of log-format §6, and a stranger always alike.
pub(crate) fn request() -> Begun {
    let (houses, b) = scene();
    let examples = requests(houses.a(), &b);
    let router = peer::router(Peer { house: houses.a().house(), clock: clock(houses.a().now()) });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let known = Digest::of(format!("forewarn test pin: {B}").as_bytes()).0;
    let caller = partner::caller_by_pin(&houses.a().house(), &known).unwrap();
    assert_eq!(caller, Some(b.as_partner()));
    let mut held = 0;
    Begun::of(examples, move |bytes| {
        let before = size_of_theirs(&houses, &b);
        if let Some((status, said)) = runtime.block_on(asked(router.clone(), [1; 32], bytes)) {
            assert!([400, 404, 411, 413].contains(&status.as_u16()), "a stranger is answered {status}");
            if status == StatusCode::NOT_FOUND {
                same("not here; this node speaks forewarn peer protocol v1\n", &said);
            }
            assert_eq!(size_of_theirs(&houses, &b), before, "a stranger changes nothing");
        }
        if let Some((status, said)) = runtime.block_on(asked(router.clone(), known, bytes)) {
            let answers = [200, 202, 204, 400, 403, 404, 409, 411, 413, 422, 423];
            assert!(answers.contains(&status.as_u16()), "{status}: {}", said.escape_ascii());
        }
        let after = size_of_theirs(&houses, &b);
        assert!(held <= after && after <= 2, "a log only grows, by what was signed");
        held = after;
    })
    .slow()
}

fn size_of_theirs(houses: &TestHouses, b: &ByHand) -> u64 {
    let origin = b.origin();
    houses.a().store().view(|view| view.channel(&origin)).unwrap().map_or(0, |channel| channel.size())
}

/// What a partner answers to a parcel: the status in the first line, then the body. Only its own line is a receipt.
pub(crate) fn answer() -> Begun {
    let (houses, _) = scene();
    let (us, to) = (houses.a().house(), party(B));
    houses.a().undertake(B).unwrap();
    let mut rng = houses.a().rng();
    let sent =
        deliver::next_parcel(&us, &to, Use::Actual, None, houses.a().now(), &mut rng).unwrap().unwrap();
    let head = *Parcel::parse(&sent.bytes).unwrap().checkpoint.checkpoint();
    let (_, keys) = ByHand::would_propose(houses.a(), B, Use::Actual);
    let time = u64::try_from(houses.a().now().as_second()).unwrap();
    let line = cosign(&head, time, &keys.cosigner).unwrap().to_string();
    let shown = receipt_of(houses.a());
    let said = |status: u16, body: &str| format!("{status}\n{body}").into_bytes();
    let examples = [
        said(200, &line),
        said(202, "1\n"),
        said(409, "1\n"),
        said(423, "frozen\n"),
        said(422, "entry 1 seen\n"),
        said(200, &shown),
        said(503, ""),
    ];
    let (origin, now) = (sent.origin, houses.a().now());
    Begun::of(examples, move |bytes| {
        let (status, body) = crate::ours::parts(bytes);
        let answer = match status.parse() {
            Ok(200) => Answer::Receipt(body.to_vec()),
            Ok(status @ (202 | 409)) => {
                let size = std::str::from_utf8(body).ok().and_then(|text| text.trim().parse().ok());
                match (status, size) {
                    (202, Some(size)) => Answer::Stored(size),
                    (_, Some(size)) => Answer::HoldsSize(size),
                    _ => return,
                }
            }
            Ok(423) => Answer::Frozen,
            Ok(status) => Answer::Refused(status, String::from_utf8_lossy(body).into_owned()),
            Err(_) => return,
        };
        let parcel = Outgoing { origin, old: sent.old, size: sent.size, bytes: sent.bytes.clone() };
        let genuine = body == line.as_bytes();
        if let Ok(Next::Settled) = deliver::settle(&us, &parcel, answer, now) {
            assert!(genuine, "no receipt, and yet nothing is sent any more");
        }
        let head = deliver::head_answer(&us, &to, Use::Actual, Some(body), now);
        assert!(head.is_err() || body == shown.as_bytes() || SignedCheckpoint::parse(body).is_ok());
        let _ = &houses;
    })
    .slow()
}

/// Everything signed that the files of a scene hold.
struct Signed {
    heads: BTreeSet<String>,
    statements: BTreeSet<Vec<u8>>,
}

impl Signed {
    /// Whether what is signed in a file is among what was signed; what needs no signature is left alone.
    fn holds(&self, file: &[u8]) -> bool {
        if let Ok(parcel) = Parcel::parse(file) {
            return self.heads.contains(&parcel.checkpoint.checkpoint().text());
        }
        if let Ok(head) = SignedCheckpoint::parse(file) {
            return self.heads.contains(&head.checkpoint().text());
        }
        if SignedProposal::parse(file).is_ok() || ChannelStatement::parse(file).is_ok() {
            return self.statements.contains(file);
        }
        [&b"forewarn/held/v1\n"[..], b"forewarn/declined/v1\n"].iter().any(|label| file.starts_with(label))
    }
}

/// What lies inside a carried file, sealed and handed to both commands: nothing is taken that was not signed.
pub(crate) fn carried() -> Begun {
    let (houses, b) = scene();
    let (parcels, receipt) = ([b.parcel(0), b.parcel(2)], receipt_of(houses.a()));
    let signed = SignedCheckpoint::parse(receipt.as_bytes()).unwrap();
    let (origin, size) = (signed.checkpoint().origin, signed.checkpoint().size);
    let statements = proposals(houses.a());
    let mut examples = parcels.to_vec();
    examples.extend(statements.iter().map(|text| text.clone().into_bytes()));
    examples.push(format!("forewarn/held/v1\norigin {origin}\nsize {size}\n\n{receipt}").into_bytes());
    examples.push(format!("forewarn/held/v1\norigin {origin}\nsize 0\n").into_bytes());
    examples.push(format!("forewarn/declined/v1\nno\n\n{}", statements[0]).into_bytes());
    examples.push(receipt.into_bytes());
    let heads =
        (0..=2).map(|size| b.head(size).checkpoint().text()).chain([signed.checkpoint().text()]).collect();
    let known = Signed { heads, statements: examples.iter().cloned().collect() };
    let card = partner::own_card(&houses.a().house(), houses.a().now()).unwrap();
    let key = Card::parse(card.as_bytes()).unwrap().encryption;
    let recipient: Recipient = key.as_str().parse().unwrap();
    Begun::of(examples, move |bytes| {
        let sealed = age::encrypt(&recipient, bytes).unwrap();
        let opened = houses.a().open_bytes(&sealed).is_ok();
        let settled = houses.a().settle_bytes(&sealed).is_ok();
        assert!(!(opened || settled) || known.holds(bytes), "nobody signed what was taken");
        assert!(size_of_theirs(&houses, &b) <= 2);
    })
    .slow()
}

/// The envelope of a carried file: one changed byte, and it does not open.
pub(crate) fn sealed() -> Begun {
    let houses = TestHouses::two();
    houses.by_file(A, B);
    houses.b().undertake(A).unwrap();
    let packed = houses.b().pack(A).unwrap();
    houses.leave_undelivered();
    let examples: Vec<Vec<u8>> = packed.into_iter().map(|file| file.sealed).collect();
    assert!(!examples.is_empty());
    let known: BTreeSet<Vec<u8>> = examples.iter().cloned().collect();
    Begun::of(examples, move |bytes| {
        let taken = houses.a().open_bytes(bytes).is_ok() || houses.a().settle_bytes(bytes).is_ok();
        assert!(!taken || known.contains(bytes), "a changed envelope opens");
    })
    .slow()
}
