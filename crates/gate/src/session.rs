//! Who of our own people is calling: sessions in memory, each with a person's unsealed keys.
//!
//! A session is as long as a person's attention: it ends after a while without use, and after an hour in any case, and
//! with the process. Only the digest of a token is kept; the keys are wiped with the last session that holds them.
//! What a person may do is not here: roles are asked for anew with each call (`exchange::people::look_up`).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64ct::{Base64UrlUnpadded, Encoding as _};
use exchange::person_key::PersonKey;
use jiff::{SignedDuration, Timestamp};
use model::id::PersonName;
use rand_core::CryptoRng;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::limits::{Rate, RateLimit, TooOften};

const TOKEN_BYTES: usize = 32;
/// Letters of base64url that 32 bytes take.
const TOKEN_CHARS: usize = 43;
/// How far the clock may step back before a session counts as one of another time.
const CLOCK_STEP_S: i64 = 60;
/// How much of the name of a peer is told apart.
const PEER_CHARS_MAX: usize = 100;

/// How long sessions last, how many there may be, and how often a login may be tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionLimits {
    /// After how many minutes without use a session ends. Default 15.
    pub idle_minutes_max: u32,
    /// After how many minutes a session ends in any case. Default 60.
    pub session_minutes_max: u32,
    /// How many sessions there may be in all. Default 1,024.
    pub sessions_max: usize,
    /// How many sessions one person may have; with the next one the least recently used ends. Default 8.
    pub sessions_per_person_max: usize,
    /// How often one peer may try to log in, whatever the names. Default 20 at once, 20 a minute.
    pub logins_per_peer: Rate,
    /// How often one peer may try one name. Default 10 at once, 10 a minute.
    pub logins_per_peer_and_name: Rate,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self {
            idle_minutes_max: 15,
            session_minutes_max: 60,
            sessions_max: 1_024,
            sessions_per_person_max: 8,
            logins_per_peer: Rate { burst: 20, per_minute: 20, ..Rate::default() },
            logins_per_peer_and_name: Rate { burst: 10, per_minute: 10, ..Rate::default() },
        }
    }
}

/// No further session can be opened until another one ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{sessions} sessions are open, and no more are allowed; log out elsewhere or wait")]
pub struct TooManySessions {
    /// How many are open.
    pub sessions: usize,
}

/// What a person's terminal shows with each call: 256 random bits. `Debug` does not show it; wiped when dropped.
pub struct Token(Zeroizing<String>);

impl Token {
    /// The token as base64url, 43 characters. Never log it.
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// A session that was found.
#[derive(Debug, Clone)]
pub struct Session {
    /// Whose it is.
    pub person: PersonName,
    /// The person's keys.
    pub key: PersonKey,
}

/// A session, as its person may see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionView {
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it was last used.
    pub used_at: Timestamp,
    /// When it ends in any case.
    pub ends_at: Timestamp,
}

/// The sessions of a node. Cheap to clone; all clones are the same sessions.
#[derive(Clone)]
pub struct Sessions {
    kept: Arc<Mutex<Kept>>,
}

struct Kept {
    limits: SessionLimits,
    open: BTreeMap<TokenDigest, Open>,
    peers: RateLimit<String>,
    peers_and_names: RateLimit<(String, PersonName)>,
}

/// SHA-256 of a token's bytes: whoever reads our memory dump finds no token in it.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct TokenDigest([u8; 32]);

struct Open {
    session: Session,
    opened_at: Timestamp,
    used_at: Timestamp,
}

impl Sessions {
    /// Makes the sessions of a node that has just started: none.
    pub fn new(limits: SessionLimits) -> Self {
        let peers = RateLimit::new(limits.logins_per_peer);
        let peers_and_names = RateLimit::new(limits.logins_per_peer_and_name);
        let kept = Kept { limits, open: BTreeMap::new(), peers, peers_and_names };
        Self { kept: Arc::new(Mutex::new(kept)) }
    }

    /// Whether this peer may try to log in under this name now; to be asked before the slow work of a login. Another
    /// peer's tries count for nothing, so that nobody is kept out by others.
    pub fn admit_login(&self, peer: &str, name: &PersonName, now: Timestamp) -> Result<(), TooOften> {
        let peer: String = peer.chars().take(PEER_CHARS_MAX).collect();
        let mut kept = self.lock();
        kept.peers.take(peer.clone(), now)?;
        kept.peers_and_names.take((peer, name.clone()), now)
    }

    /// Opens a session for a person who has logged in, and gives its token.
    pub fn open(
        &self,
        person: &PersonName,
        key: PersonKey,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Token, TooManySessions> {
        let mut secret = Zeroizing::new([0; TOKEN_BYTES]);
        rng.fill_bytes(secret.as_mut_slice());
        let mut kept = self.lock();
        kept.sweep(now);
        kept.make_room_for(person);
        if kept.open.len() >= kept.limits.sessions_max {
            return Err(TooManySessions { sessions: kept.open.len() });
        }
        let session = Session { person: person.clone(), key };
        kept.open.insert(TokenDigest::of(&secret), Open { session, opened_at: now, used_at: now });
        Ok(Token(Zeroizing::new(Base64UrlUnpadded::encode_string(secret.as_slice()))))
    }

    /// The session of this token, which is thereby used. `None` for one that has ended, was closed or never was.
    pub fn find(&self, token: &str, now: Timestamp) -> Option<Session> {
        let digest = TokenDigest::parse(token)?;
        let mut kept = self.lock();
        kept.sweep(now);
        let open = kept.open.get_mut(&digest)?;
        open.used_at = open.used_at.max(now);
        Some(open.session.clone())
    }

    /// Closes the session of this token, if there is one.
    pub fn close(&self, token: &str) {
        if let Some(digest) = TokenDigest::parse(token) {
            self.lock().open.remove(&digest);
        }
    }

    /// Closes every session of a person and says how many there were: after a reset, when a person is shut out, or when
    /// they ask for it.
    pub fn close_all(&self, person: &PersonName) -> usize {
        let mut kept = self.lock();
        let before = kept.open.len();
        kept.open.retain(|_, open| open.session.person != *person);
        before - kept.open.len()
    }

    /// The sessions of a person that are open, oldest first.
    pub fn list(&self, person: &PersonName, now: Timestamp) -> Vec<SessionView> {
        let mut kept = self.lock();
        kept.sweep(now);
        let lasts = kept.session_lasts();
        let of_person = kept.open.values().filter(|open| open.session.person == *person);
        let mut views: Vec<SessionView> = of_person
            .map(|open| SessionView {
                opened_at: open.opened_at,
                used_at: open.used_at,
                ends_at: open.opened_at.saturating_add(lasts).unwrap_or(Timestamp::MAX),
            })
            .collect();
        views.sort_by_key(|view| view.opened_at);
        views
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sessions({} open)", self.lock().open.len())
    }
}

impl Kept {
    /// Ends what has ended, so that its keys are wiped even if nobody asks for it again by its token.
    fn sweep(&mut self, now: Timestamp) {
        let (idle, lasts) = (minutes(self.limits.idle_minutes_max), self.session_lasts());
        let back = SignedDuration::from_secs(-CLOCK_STEP_S);
        self.open.retain(|_, open| {
            let age = now.duration_since(open.opened_at);
            age >= back && age < lasts && now.duration_since(open.used_at) < idle
        });
    }

    /// Ends the person's least recently used session if they have as many as they may.
    fn make_room_for(&mut self, person: &PersonName) {
        let of_person = |open: &&Open| open.session.person == *person;
        if self.open.values().filter(of_person).count() < self.limits.sessions_per_person_max.max(1) {
            return;
        }
        let oldest = self.open.values().filter(of_person).map(|open| (open.used_at, open.opened_at)).min();
        let mut ended = false;
        self.open.retain(|_, open| {
            let is_oldest = of_person(&&*open) && Some((open.used_at, open.opened_at)) == oldest;
            let ends = is_oldest && !ended;
            ended |= ends;
            !ends
        });
    }

    fn session_lasts(&self) -> SignedDuration {
        minutes(self.limits.session_minutes_max)
    }
}

impl TokenDigest {
    fn of(secret: &[u8; TOKEN_BYTES]) -> Self {
        Self(Sha256::digest(secret).into())
    }

    fn parse(token: &str) -> Option<Self> {
        let mut secret = Zeroizing::new([0; TOKEN_BYTES]);
        if token.len() != TOKEN_CHARS {
            return None;
        }
        Base64UrlUnpadded::decode(token, secret.as_mut_slice()).ok()?;
        Some(Self::of(&secret))
    }
}

fn minutes(minutes: u32) -> SignedDuration {
    SignedDuration::from_mins(minutes.into())
}
