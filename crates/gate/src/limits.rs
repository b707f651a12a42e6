//! The limits on everything that comes from outside: how many, how large, how long, how often.
//!
//! [`ServeLimits`] bounds those who call us, [`DialLimits`] those we call, and [`RateLimit`] how often one caller may
//! ask. Every limit is named with its unit. What a *body* may hold is not here: that belongs to the route that reads
//! it (`axum::extract::DefaultBodyLimit`).

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

/// The smallest read buffer that hyper accepts; a smaller limit on an answer's head is raised to it.
const HYPER_BUFFER_BYTES_MIN: usize = 8_192;

/// What one listener grants its callers; the default is meant for nodes calling over TCP.
///
/// A limit of 0 connections admits nobody; a limit of 0 ms cuts at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServeLimits {
    /// Connections open at once on this listener, handshakes included; the next one is closed unread. Default 512.
    pub connections_max: usize,
    /// Connections open at once by one network address (one IPv4 address, one IPv6 /64). Counted from the first
    /// packet, so that a caller who makes up a key for each connection stays bounded. Not used on the local socket.
    /// Default 64.
    pub connections_per_ip_max: u32,
    /// Handshakes under way at once from one network address (one IPv4 address, one IPv6 /64). Not used on the
    /// local socket. Default 16.
    pub handshakes_per_ip_max: u32,
    /// Connections open at once by one caller who has shown who it is: one pin, or one user of the local socket.
    /// Default 8.
    pub connections_per_caller_max: u32,
    /// Time for the whole TLS handshake, in milliseconds. Default 10,000.
    pub handshake_ms_max: u64,
    /// Time from the first byte of a request's head to its last, in milliseconds. Default 10,000.
    pub head_ms_max: u64,
    /// Time from the end of a request's head to the last byte of the answer taken from its handler, in milliseconds;
    /// reading the request's body, the handler and sending the answer all fall in it. Default 300,000: a parcel of
    /// 64 MiB over a line of 2 Mbit/s.
    pub request_ms_max: u64,
    /// Time that a connection may be open with no request begun, in milliseconds; also the time that a caller may
    /// take to read the last buffered bytes of an answer. Default 75,000, longer than [`DialLimits::kept_ms_max`],
    /// so that it is the caller who lets go first.
    pub idle_ms_max: u64,
    /// Size of a request's head (request line and header lines), in bytes; above it the answer is 431. Default 16 KiB.
    pub head_bytes_max: usize,
    /// Number of header lines in a request; above it the answer is 431. Default 64.
    pub head_lines_max: usize,
    /// How much of a request's body is read and thrown away when a handler answered without reading it, in bytes.
    /// Without this the caller would often lose the answer (a 413, say), because a connection closed with unread
    /// bytes is reset. Default 64 MiB, the largest legal parcel.
    pub unread_body_bytes_max: u64,
    /// Time that requests in flight get after the order to stop, in milliseconds. Default 20,000.
    pub drain_ms_max: u64,
}

impl Default for ServeLimits {
    fn default() -> Self {
        Self {
            connections_max: 512,
            connections_per_ip_max: 64,
            handshakes_per_ip_max: 16,
            connections_per_caller_max: 8,
            handshake_ms_max: 10_000,
            head_ms_max: 10_000,
            request_ms_max: 300_000,
            idle_ms_max: 75_000,
            head_bytes_max: 16 * 1024,
            head_lines_max: 64,
            unread_body_bytes_max: 64 * 1024 * 1024,
            drain_ms_max: 20_000,
        }
    }
}

impl ServeLimits {
    /// Gives the limits for the local control socket: as the default, but 64 connections in all, and all of them open
    /// to one user, since many officers' commands may run under one account.
    #[must_use]
    pub fn local_socket() -> Self {
        Self { connections_max: 64, connections_per_caller_max: 64, ..Self::default() }
    }

    /// Gives the limits for what only reads figures: as the default, but 8 connections in all, and 10 s for a request.
    #[must_use]
    pub fn figures() -> Self {
        Self { connections_max: 8, connections_per_caller_max: 8, request_ms_max: 10_000, ..Self::default() }
    }

    pub(crate) fn handshake(&self) -> Duration {
        Duration::from_millis(self.handshake_ms_max)
    }

    pub(crate) fn head(&self) -> Duration {
        Duration::from_millis(self.head_ms_max)
    }

    pub(crate) fn request(&self) -> Duration {
        Duration::from_millis(self.request_ms_max)
    }

    pub(crate) fn idle(&self) -> Duration {
        Duration::from_millis(self.idle_ms_max)
    }

    pub(crate) fn drain(&self) -> Duration {
        Duration::from_millis(self.drain_ms_max)
    }
}

/// What we grant a node, or the local control socket, when we are the one who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialLimits {
    /// Time to look up the name and open the connection, in milliseconds. Default 10,000.
    pub connect_ms_max: u64,
    /// Time for the whole TLS handshake, in milliseconds; not used on the local socket. Default 10,000.
    pub handshake_ms_max: u64,
    /// Time from the first byte of the request to the last byte of the answer, in milliseconds. Default 300,000.
    pub exchange_ms_max: u64,
    /// Size of the answer's body, in bytes. Default 64 MiB, the largest legal parcel.
    pub answer_bytes_max: u64,
    /// Size of the answer's head, in bytes; less than 8,192 counts as 8,192. Default 32 KiB.
    pub answer_head_bytes_max: usize,
    /// Time that a connection without a request is kept for the next one, in milliseconds; 0 keeps none.
    /// Default 60,000.
    pub kept_ms_max: u64,
}

impl Default for DialLimits {
    fn default() -> Self {
        Self {
            connect_ms_max: 10_000,
            handshake_ms_max: 10_000,
            exchange_ms_max: 300_000,
            answer_bytes_max: 64 * 1024 * 1024,
            answer_head_bytes_max: 32 * 1024,
            kept_ms_max: 60_000,
        }
    }
}

impl DialLimits {
    pub(crate) fn connect(&self) -> Duration {
        Duration::from_millis(self.connect_ms_max)
    }

    pub(crate) fn handshake(&self) -> Duration {
        Duration::from_millis(self.handshake_ms_max)
    }

    pub(crate) fn exchange(&self) -> Duration {
        Duration::from_millis(self.exchange_ms_max)
    }

    pub(crate) fn kept(&self) -> Duration {
        Duration::from_millis(self.kept_ms_max)
    }

    pub(crate) fn read_buffer_bytes(&self) -> usize {
        self.answer_head_bytes_max.max(HYPER_BUFFER_BYTES_MIN)
    }
}

/// How often one key may ask; see [`RateLimit`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many may come at once after a quiet time. At least 1; 0 counts as 1. Default 30.
    pub burst: u32,
    /// How many may come per minute in the long run. At least 1; 0 counts as 1. Default 60.
    pub per_minute: u32,
    /// How many keys are remembered apart; the keys beyond share one bucket. Default 4,096.
    pub keys_max: usize,
}

impl Default for Rate {
    fn default() -> Self {
        Self { burst: 30, per_minute: 60, keys_max: 4_096 }
    }
}

/// The caller has asked too often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many requests; the next one may come in {retry_after_s} s")]
pub struct TooOften {
    /// After how many seconds the next one is granted if nothing is asked until then; at least 1.
    pub retry_after_s: u64,
}

/// A token bucket for each key (a pin, an account, an address), in bounded memory.
///
/// A key that has been quiet long enough for its bucket to be full is forgotten, which changes nothing. When
/// [`Rate::keys_max`] keys are remembered none of which is full, further keys share *one* bucket between them: a flood
/// of made-up keys is held to one rate, nobody remembered loses their place, and nobody's spent bucket is forgotten.
/// A clock that steps back costs a key at most one whole bucket.
#[derive(Debug)]
pub struct RateLimit<K> {
    /// Nanoseconds between two tokens.
    token_ns: i128,
    /// Nanoseconds from an empty bucket to a full one.
    bucket_ns: i128,
    keys_max: usize,
    /// For each key the instant (nanoseconds since 1970) at which its bucket is full again.
    full_at: BTreeMap<K, i128>,
    /// The same for all keys that found no place.
    others_full_at: i128,
    /// When full buckets were last looked for, so that a flood of keys does not cause a search each time.
    swept_at: i128,
}

impl<K: Ord> RateLimit<K> {
    /// Makes a limit under which every key has a full bucket.
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        let token_ns = 60_000_000_000 / i128::from(rate.per_minute.max(1));
        Self {
            token_ns,
            bucket_ns: token_ns.saturating_mul(i128::from(rate.burst.max(1))),
            keys_max: rate.keys_max,
            full_at: BTreeMap::new(),
            others_full_at: i128::MIN,
            swept_at: i128::MIN,
        }
    }

    /// Takes one token for `key`, or says when the next one is there; a refused request takes nothing.
    pub fn take(&mut self, key: K, now: Timestamp) -> Result<(), TooOften> {
        let now = now.as_nanosecond();
        if !self.full_at.contains_key(&key) && self.full_at.len() >= self.keys_max {
            self.forget_full(now);
        }
        let has_room = self.full_at.len() < self.keys_max;
        match self.full_at.get_mut(&key) {
            Some(full_at) => take_from(full_at, self.token_ns, self.bucket_ns, now),
            None if has_room => {
                let mut full_at = now;
                let taken = take_from(&mut full_at, self.token_ns, self.bucket_ns, now);
                self.full_at.insert(key, full_at);
                taken
            }
            None => take_from(&mut self.others_full_at, self.token_ns, self.bucket_ns, now),
        }
    }

    /// Gives how many keys are remembered, at most [`Rate::keys_max`].
    #[must_use]
    pub fn keys_remembered(&self) -> usize {
        self.full_at.len()
    }

    /// Forgets the keys whose buckets are full; looks at most once per token's time.
    fn forget_full(&mut self, now: i128) {
        let since = now.saturating_sub(self.swept_at);
        if (0..self.token_ns).contains(&since) {
            return;
        }
        self.swept_at = now;
        let emptiest = now.saturating_add(self.bucket_ns);
        self.full_at.retain(|_, full_at| {
            *full_at = (*full_at).min(emptiest);
            *full_at > now
        });
    }
}

/// Takes one token from the bucket that is full at `full_at` (the generic cell rate algorithm, ITU-T I.371).
fn take_from(full_at: &mut i128, token_ns: i128, bucket_ns: i128, now: i128) -> Result<(), TooOften> {
    // Not emptier than empty: else a clock that stepped back would shut the key out for as long as it stepped.
    *full_at = (*full_at).clamp(now, now.saturating_add(bucket_ns));
    let after = full_at.saturating_add(token_ns);
    let missing_ns = after.saturating_sub(now).saturating_sub(bucket_ns);
    if missing_ns > 0 {
        let whole_s = missing_ns.saturating_add(999_999_999) / 1_000_000_000;
        return Err(TooOften { retry_after_s: u64::try_from(whole_s).unwrap_or(u64::MAX) });
    }
    *full_at = after;
    Ok(())
}
