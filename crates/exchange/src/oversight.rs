//! Oversight's key: made off the node, it cosigns the audit trail, so that whoever holds the node cannot make the trail
//! again without its being seen.
//!
//! The node gives a signed checkpoint and the texts of the lines ([`head`], [`lines`]); oversight follows them with its own
//! key on its own machine ([`watcher`]) and gives the cosigned checkpoint back ([`keep`]).

pub mod watcher;

use jiff::Timestamp;
use model::caller::Person;
use model::vocab::Role;
use serde_json::json;
use sha2::{Digest, Sha256};
use tlog::channel::Origin;
use tlog::checkpoint::{Checkpoint, SignedCheckpoint};
use tlog::cosignature::Cosignature;
use tlog::key::{KeyKind, VerifierKey};

use crate::audit;
use crate::caller::needs;
use crate::house::House;
use crate::refusal::Refusal;

/// The most lines in one answer.
const LINES_MAX: u32 = 1_000;

/// The origin of a node's audit trail: SHA-256 of `forewarn/audit/v1` and the verifier key of the node's identity, each
/// with its line end.
pub fn origin(identity: &VerifierKey) -> Result<Origin, Refusal> {
    let digest = Sha256::digest(format!("forewarn/audit/v1\n{identity}\n"));
    Origin::from_hex(&hex::encode(digest)).map_err(Refusal::ours)
}

/// How the audit trail is watched over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// How many lines it has.
    pub lines: u64,
    /// Oversight's key, who appointed it and when; `None` if there is none.
    pub key: Option<(String, String, Timestamp)>,
    /// Up to how many lines it is cosigned, and when, by oversight's clock; `None` if it never was.
    pub cosigned: Option<(u64, Timestamp)>,
    /// The key with which this node signs the trail; oversight keeps it beside its own.
    pub trail_key: String,
}

/// How the audit trail is watched over. For everybody with a role: who is watched should know it.
pub fn watched(house: &House, caller: &Person) -> Result<Watched, Refusal> {
    needs(caller, Role::ALL, "look at how the audit trail is watched over")?;
    let trail_key = trail_key(house)?;
    house.store.view(|view| {
        Ok(Watched {
            lines: view.audit_range()?.size(),
            key: view.oversight_key()?.map(|row| (row.vkey, row.by, row.at)),
            cosigned: view.cosigned_trail()?.map(|head| (head.size, head.at)),
            trail_key: trail_key.verifier().to_string(),
        })
    })
}

fn trail_key(house: &House) -> Result<tlog::key::SigningKey, Refusal> {
    house.keys.log_key(&origin(house.keys.identity.verifier())?)
}

/// Puts oversight's key in force. The key before it, if any, cosigns no more; what it cosigned stays.
///
/// # Errors
/// `not_authorised` for anybody but oversight; `bad_key` for a key that cannot cosign, or that is one of the node's own.
pub fn appoint(house: &House, caller: &Person, vkey: &str, now: Timestamp) -> Result<(), Refusal> {
    needs(caller, &[Role::Oversight], "appoint the key that cosigns the audit trail")?;
    let key = VerifierKey::parse(vkey.trim()).map_err(|e| {
        Refusal::yours("bad_key", "this is no verifier key")
            .detail(e.to_string())
            .hint("`forewarn oversight key FILE` makes one, on oversight's own machine")
    })?;
    if key.kind() != KeyKind::CosignatureV1 {
        return Err(Refusal::yours("bad_key", "this key is not one that cosigns")
            .hint("`forewarn oversight key FILE` makes one"));
    }
    if key.key_bytes() == house.keys.cosigner.verifier().key_bytes() {
        return Err(Refusal::yours("bad_key", "this is the node's own key")
            .hint("oversight's key is made off the node, and never stands on it"));
    }
    let (by, vkey) = (caller.name.clone(), key.to_string());
    house.store.act(move |act| {
        if act.oversight_key()?.is_some_and(|row| row.vkey == vkey) {
            return Ok(());
        }
        act.appoint_oversight_key(&vkey, by.as_str(), now)?;
        audit::note(act, now, by.as_str(), "oversight.appoint", "trail", json!({ "key": vkey }), &[])
    })
}

/// The newest checkpoint of the trail, signed by the node. Fenced durably before it is signed.
pub fn head(house: &House, caller: &Person) -> Result<SignedCheckpoint, Refusal> {
    needs(caller, &[Role::Oversight], "pull the audit trail")?;
    let checkpoint = house.store.act(|act| {
        let range = act.audit_range()?;
        act.fence_trail_head(range.size(), &range.root())?;
        Ok::<_, Refusal>((range.size(), range.root()))
    })?;
    let (size, root) = checkpoint;
    let key = trail_key(house)?;
    Checkpoint { origin: origin(house.keys.identity.verifier())?, size, root }
        .sign(&key)
        .map_err(Refusal::ours)
}

/// The texts of the trail's lines from index `from` on, as their leaves are made of them; at most 1,000.
pub fn lines(house: &House, caller: &Person, from: u64) -> Result<Vec<String>, Refusal> {
    needs(caller, &[Role::Oversight], "pull the audit trail")?;
    let lines = house.store.view(|view| view.audit_lines(from, LINES_MAX))?;
    Ok(lines.into_iter().map(|line| line.text).collect())
}

/// Keeps a checkpoint of the trail that oversight has cosigned. The same one again changes nothing.
///
/// # Errors
/// `not_authorised`; `no_key` where no key was appointed; `bad_checkpoint` for one that this node did not sign, or that is
/// not cosigned by the key in force.
pub fn keep(house: &House, caller: &Person, note: &str, now: Timestamp) -> Result<(), Refusal> {
    needs(caller, &[Role::Oversight], "give back the cosigned audit trail")?;
    let refuse = |why: &str| Refusal::yours("bad_checkpoint", why.to_owned());
    let signed = SignedCheckpoint::parse(note.as_bytes())
        .map_err(|e| refuse("this is no checkpoint").detail(e.to_string()))?;
    let key = trail_key(house)?;
    if signed.checkpoint().origin != origin(house.keys.identity.verifier())?
        || signed.verify_log(key.verifier()).is_err()
    {
        return Err(refuse("this checkpoint is not of this node's audit trail"));
    }
    let by = caller.name.clone();
    house.store.act(move |act| {
        let in_force = act.oversight_key()?.ok_or_else(|| {
            Refusal::yours("no_key", "no key of oversight's is in force").hint("`forewarn oversight appoint KEY`")
        })?;
        let cosigner = VerifierKey::parse(&in_force.vkey).map_err(Refusal::ours)?;
        let cosignature: Cosignature = signed.cosignature_of(&cosigner).map_err(|e| {
            Refusal::yours("bad_checkpoint", "this checkpoint is not cosigned by the key in force")
                .detail(e.to_string())
        })?;
        let head = signed.checkpoint();
        if act.trail_head(head.size)? != Some(head.root) {
            return Err(Refusal::yours("bad_checkpoint", "this node has not signed this head of its trail")
                .hint("pull the trail again; if it stays so, the node was restored, or its trail was made again"));
        }
        let at = i64::try_from(cosignature.time()).ok().and_then(|s| Timestamp::from_second(s).ok());
        let at = at.ok_or_else(|| Refusal::yours("bad_checkpoint", "the cosignature's time is out of range"))?;
        if act.cosigned_trail()?.is_some_and(|kept| kept.size >= head.size) {
            return Ok(());
        }
        act.keep_cosigned_trail(head.size, &signed.to_string(), at)?;
        audit::note(act, now, by.as_str(), "oversight.cosign", "trail", json!({ "lines": head.size }), &[])
    })
}
