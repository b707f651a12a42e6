//! Acts that take two persons: one proposes and signs, another looks at the same bytes, signs them too, and thereby the
//! act is done, in one transaction (I-13).

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use model::caller::Person;
use model::id::{Digest, PendingId, PersonName};
use model::vocab::Role;
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Act, PendingRow, PendingState, View};

use crate::audit;
use crate::caller::needs;
use crate::card_renewal::{self, NewCard};
use crate::house::House;
use crate::people::{self, Authority, Invitation, acting, signed_now};
use crate::person_key::{Decision, PersonKey};
use crate::refusal::Refusal;

/// Who may be the second person.
const APPROVERS: &[Role] = &[Role::Operator, Role::Release];
/// How many pending acts one list shows.
const LISTED_MAX: u32 = 200;

/// Everything that waits for a second person. What is to be done is in it, whole: it is what both sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PendingKind {
    /// Grant roles.
    GrantRoles {
        /// To whom.
        person: PersonName,
        /// Which.
        roles: BTreeSet<Role>,
    },
    /// Take roles away.
    RevokeRoles {
        /// From whom.
        person: PersonName,
        /// Which.
        roles: BTreeSet<Role>,
    },
    /// Shut a person out.
    DisablePerson {
        /// Whom.
        person: PersonName,
    },
    /// Give a person a new one-time secret, and with it a new key.
    ResetPerson {
        /// Whom.
        person: PersonName,
    },
    /// Pin a confirmed partner's new card.
    RenewCard(NewCard),
}

impl PendingKind {
    /// The kind as a word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::GrantRoles { .. } => "grant_roles",
            Self::RevokeRoles { .. } => "revoke_roles",
            Self::DisablePerson { .. } => "disable_person",
            Self::ResetPerson { .. } => "reset_person",
            Self::RenewCard(_) => "renew_card",
        }
    }

    /// Who may propose it.
    fn proposers(&self) -> &'static [Role] {
        match self {
            Self::RenewCard(_) => card_renewal::PROPOSERS,
            _ => &[Role::Operator],
        }
    }

    /// The bytes that both persons sign the digest of.
    fn payload(&self) -> Result<String, Refusal> {
        let (person, roles) = match self {
            Self::RenewCard(card) => {
                let row = PayloadRow {
                    act: self.word().to_owned(),
                    card: Some(card.clone()),
                    ..PayloadRow::default()
                };
                return serde_json::to_string(&row).map_err(Refusal::ours);
            }
            Self::GrantRoles { person, roles } | Self::RevokeRoles { person, roles } => {
                (person, Some(roles.clone()))
            }
            Self::DisablePerson { person } | Self::ResetPerson { person } => (person, None),
        };
        let row = PayloadRow { act: self.word().to_owned(), person: person.to_string(), roles, card: None };
        serde_json::to_string(&row).map_err(Refusal::ours)
    }

    fn of_payload(payload: &str) -> Result<Self, Refusal> {
        let row: PayloadRow = serde_json::from_str(payload).map_err(Refusal::ours)?;
        if let ("renew_card", Some(card)) = (row.act.as_str(), row.card) {
            return Ok(Self::RenewCard(card));
        }
        let person = row.person.parse().map_err(Refusal::ours)?;
        match (row.act.as_str(), row.roles) {
            ("grant_roles", Some(roles)) => Ok(Self::GrantRoles { person, roles }),
            ("revoke_roles", Some(roles)) => Ok(Self::RevokeRoles { person, roles }),
            ("disable_person", None) => Ok(Self::DisablePerson { person }),
            ("reset_person", None) => Ok(Self::ResetPerson { person }),
            (other, _) => Err(Refusal::ours(format!("a pending act of kind {other:?}"))),
        }
    }
}

impl fmt::Display for PendingKind {
    /// What is to be done, in words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words =
            |roles: &BTreeSet<Role>| roles.iter().map(|role| role.word()).collect::<Vec<_>>().join(", ");
        match self {
            Self::GrantRoles { person, roles } => write!(f, "grant {person} the authority: {}", words(roles)),
            Self::RevokeRoles { person, roles } => {
                write!(f, "take from {person} the authority: {}", words(roles))
            }
            Self::DisablePerson { person } => write!(f, "shut {person} out of the node"),
            Self::ResetPerson { person } => write!(f, "give {person} a new one-time secret and a new key"),
            Self::RenewCard(card) => {
                write!(f, "pin a new card of {}: {}", card.partner, card.changes.join("; "))
            }
        }
    }
}

/// The stored form of a [`PendingKind`].
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PayloadRow {
    act: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    person: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    roles: Option<BTreeSet<Role>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    card: Option<NewCard>,
}

/// A pending act that was just proposed: what the second person needs to approve it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Its id.
    pub id: PendingId,
    /// What is to be done, in words.
    pub what: String,
    /// The digest that the approver names.
    pub digest: Digest,
    /// Until when it can be approved.
    pub expires_at: Timestamp,
}

/// Makes and signs a proposal, ready to be kept by [`propose`].
pub(crate) fn prepare(
    house: &House,
    key: &PersonKey,
    kind: &PendingKind,
    now: Timestamp,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<PendingRow, Refusal> {
    let mut random = [0; 10];
    rng.fill_bytes(&mut random);
    let id = PendingId::make(now, random);
    let payload = kind.payload()?;
    let digest = Digest::of(payload.as_bytes());
    Ok(PendingRow {
        id,
        kind: kind.word().to_owned(),
        digest: digest.0,
        payload,
        state: PendingState::Waiting,
        proposed_by: key.person().clone(),
        proposed_at: now,
        expires_at: people::after_minutes(now, house.settings.pending_minutes)?,
        signature: sign(house, key, "pending.propose", id, digest, now)?,
        decided_by: None,
        decided_at: None,
        approval: None,
    })
}

fn sign(
    house: &House,
    key: &PersonKey,
    kind: &str,
    id: PendingId,
    digest: Digest,
    now: Timestamp,
) -> Result<String, Refusal> {
    key.sign_decision(&Decision::new(kind, &id.to_string(), digest, &house.name, key.person(), now))
}

/// Keeps a proposal. Whoever calls this has checked that the proposer may propose it.
pub(crate) fn propose(tx: &mut Act<'_>, row: &PendingRow) -> Result<Waiting, Refusal> {
    signed_now(tx, &row.signature, &row.proposed_by)?;
    let waiting = tx.pendings_waiting()?;
    let same = waiting.iter().find(|other| other.digest == row.digest && row.proposed_at < other.expires_at);
    if let Some(same) = same {
        return Err(Refusal::yours("already_pending", "the same act waits for its second person already")
            .detail(format!("{} proposed by {}", same.id, same.proposed_by))
            .hint(how_to_approve(same.id, Digest(same.digest))));
    }
    tx.put_pending(row)?;
    let (who, about) = (row.proposed_by.as_str(), row.id.to_string());
    let what = PendingKind::of_payload(&row.payload)?.to_string();
    audit::note(tx, row.proposed_at, who, "pending.propose", &about, json!({ "what": what }), &[])?;
    Ok(Waiting { id: row.id, what, digest: Digest(row.digest), expires_at: row.expires_at })
}

/// What an approval did.
#[derive(Debug)]
pub struct Approved {
    /// What was done, in words.
    pub what: String,
    /// The one-time secret for the person whose login was reset, to be handed over by the approver.
    pub invitation: Option<Invitation>,
}

/// Approves a pending act, which is then done, in the same transaction. `digest` is of what the approver has seen.
///
/// Refused: `not_authorised`, `no_such_pending`, `pending_settled`, `approver_is_author`, `pending_expired`,
/// `digest_is_stale`, `proposer_lost_authority`.
pub fn approve(
    house: &House,
    caller: &Person,
    key: &PersonKey,
    id: PendingId,
    digest: Digest,
    now: Timestamp,
    rng: &mut (impl CryptoRng + ?Sized),
) -> Result<Approved, Refusal> {
    needs(caller, APPROVERS, "approve what takes two persons")?;
    let approval = sign(house, key, "pending.approve", id, digest, now)?;
    let invitation = Invitation::draw(house, now, rng)?;
    let (us, approver) = (house.clone(), caller.name.clone());
    let approved = house.store.act(move |tx| {
        acting(tx, &approver, APPROVERS)?;
        let row = waiting(tx, id)?;
        may_be_approved(tx, &row, &approver, digest, now)?;
        signed_now(tx, &approval, &approver)?;
        let kind = PendingKind::of_payload(&row.payload)?;
        tx.pending_done(id, &approval, &approver, now)?;
        let detail = json!({ "what": kind.to_string(), "proposed_by": row.proposed_by.as_str() });
        audit::note(tx, now, approver.as_str(), "pending.approve", &id.to_string(), detail, &[])?;
        let authority = Authority::Two { proposer: row.proposed_by, approver, id };
        let invitation = perform(&us, tx, &kind, &authority, invitation, now)?;
        Ok::<_, Refusal>(Approved { what: kind.to_string(), invitation })
    })?;
    // A new card may mean new keys for a log: the courier looks.
    (house.bell)();
    Ok(approved)
}

/// Refuses a pending act, or takes it back; nothing is done. For its proposer and for those who could approve it.
pub fn refuse(house: &House, caller: &Person, id: PendingId, now: Timestamp) -> Result<(), Refusal> {
    needs(caller, APPROVERS, "refuse what takes two persons")?;
    let caller = caller.name.clone();
    house.store.act(move |tx| {
        acting(tx, &caller, APPROVERS)?;
        let row = waiting(tx, id)?;
        tx.pending_refused(id, &caller, now)?;
        let detail = json!({ "proposed_by": row.proposed_by.as_str() });
        audit::note(tx, now, caller.as_str(), "pending.refuse", &id.to_string(), detail, &[])
    })
}

/// How far a pending act is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PendingStanding {
    /// It can be approved.
    Waiting,
    /// Nobody approved it in time.
    Expired,
    /// It was approved and done.
    Done,
    /// It was refused or taken back.
    Refused,
}

/// A pending act, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingView {
    /// Its id.
    pub id: PendingId,
    /// What is to be done, in words.
    pub what: String,
    /// The bytes that both sign the digest of.
    pub payload: String,
    /// Their digest.
    pub digest: Digest,
    /// How far it is.
    pub standing: PendingStanding,
    /// Who proposed it.
    pub proposed_by: PersonName,
    /// When.
    pub proposed_at: Timestamp,
    /// Until when it can be approved.
    pub expires_at: Timestamp,
    /// Who approved or refused it.
    pub decided_by: Option<PersonName>,
    /// When.
    pub decided_at: Option<Timestamp>,
}

/// The newest pending acts, newest first, settled ones included. For operators, release authority and oversight.
pub fn list(house: &House, caller: &Person, now: Timestamp) -> Result<Vec<PendingView>, Refusal> {
    needs(caller, &[Role::Operator, Role::Release, Role::Oversight], "see what waits for a second person")?;
    let rows = house.store.view(|view| view.pendings(LISTED_MAX))?;
    rows.into_iter().map(|row| shown(row, now)).collect()
}

fn shown(row: PendingRow, now: Timestamp) -> Result<PendingView, Refusal> {
    Ok(PendingView {
        id: row.id,
        what: PendingKind::of_payload(&row.payload)?.to_string(),
        payload: row.payload,
        digest: Digest(row.digest),
        standing: match row.state {
            PendingState::Waiting if row.expires_at <= now => PendingStanding::Expired,
            PendingState::Waiting => PendingStanding::Waiting,
            PendingState::Done => PendingStanding::Done,
            PendingState::Refused => PendingStanding::Refused,
        },
        proposed_by: row.proposed_by,
        proposed_at: row.proposed_at,
        expires_at: row.expires_at,
        decided_by: row.decided_by,
        decided_at: row.decided_at,
    })
}

fn waiting(view: &View<'_>, id: PendingId) -> Result<PendingRow, Refusal> {
    let row = view.pending(id)?.ok_or_else(|| {
        Refusal::yours("no_such_pending", format!("no act waits under {id}"))
            .hint("list what waits and copy the id")
    })?;
    match (&row.state, &row.decided_by) {
        (PendingState::Waiting, _) => Ok(row),
        (state, by) => {
            let how = if *state == PendingState::Done { "approved" } else { "refused" };
            let by = by.as_ref().map(ToString::to_string).unwrap_or_default();
            Err(Refusal::yours("pending_settled", format!("{id} was {how} by {by} already")))
        }
    }
}

fn may_be_approved(
    view: &View<'_>,
    row: &PendingRow,
    approver: &PersonName,
    digest: Digest,
    now: Timestamp,
) -> Result<(), Refusal> {
    let id = row.id;
    if row.proposed_by == *approver {
        return Err(Refusal::yours(
            "approver_is_author",
            format!("{approver} proposed {id} and cannot approve it"),
        )
        .hint("another person with operator or release authority has to"));
    }
    if row.expires_at <= now {
        return Err(Refusal::yours(
            "pending_expired",
            format!("{id} could be approved until {}", row.expires_at),
        )
        .hint("propose it again"));
    }
    if digest.0 != row.digest {
        return Err(Refusal::yours("digest_is_stale", format!("{id} is not what you have seen"))
            .detail(format!("its digest is {}, yours {digest}", Digest(row.digest)))
            .hint("look at it again and approve the digest shown there"));
    }
    if Digest::of(row.payload.as_bytes()).0 != row.digest {
        return Err(Refusal::ours(format!("the stored text of {id} was changed after it was signed")));
    }
    let lost = |why: Refusal| {
        let fact = format!("{} could not propose {id} any more", row.proposed_by);
        Refusal::yours("proposer_lost_authority", fact).detail(why.fact).hint("have it proposed again")
    };
    acting(view, &row.proposed_by, PendingKind::of_payload(&row.payload)?.proposers()).map_err(lost)?;
    let proposal = signed_now(view, &row.signature, &row.proposed_by).map_err(lost)?;
    if (proposal.kind.as_str(), proposal.about, proposal.digest)
        != ("pending.propose", id.to_string(), digest)
    {
        return Err(Refusal::ours(format!("the signature under {id} is about something else")));
    }
    Ok(())
}

fn perform(
    us: &House,
    tx: &mut Act<'_>,
    kind: &PendingKind,
    authority: &Authority,
    invitation: Invitation,
    now: Timestamp,
) -> Result<Option<Invitation>, Refusal> {
    match kind {
        PendingKind::GrantRoles { person, roles } => people::grant_now(tx, person, roles, authority, now)?,
        PendingKind::RevokeRoles { person, roles } => people::revoke_now(tx, person, roles, authority, now)?,
        PendingKind::DisablePerson { person } => people::disable_now(tx, person, authority, now)?,
        PendingKind::RenewCard(card) => card_renewal::perform(us, tx, card, authority, now)?,
        PendingKind::ResetPerson { person } => {
            people::reset_now(tx, person, &invitation.row(person), authority, now)?;
            return Ok(Some(invitation));
        }
    }
    Ok(None)
}

fn how_to_approve(id: PendingId, digest: Digest) -> String {
    format!("another person approves it with `forewarn approve {id} --digest {digest}`")
}
