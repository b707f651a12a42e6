//! What callers ask, as JSON. Unknown keys are refused, so that a misspelt one is noticed.

use jiff::Timestamp;
use jiff::civil::Date;
use model::body::{Outcome, Undertaking};
use model::vocab::{
    Carriage, ContestReason, Disposition, Domain, MatterKind, Precedence, Purpose, RecallReason, Role,
    WaiverReason,
};
use serde::{Deserialize, Serialize};

macro_rules! input {
    ($(#[$meta:meta])* $name:ident { $($(#[$fmeta:meta])* $field:ident : $type:ty),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name { $($(#[$fmeta])* pub $field: $type,)* }
    };
}

input!(
    /// Nothing.
    Nothing {}
);
input!(
    /// Opens a session.
    Login {
        /// The login name.
        name: String,
        /// The passphrase.
        passphrase: String,
    }
);
input!(
    /// Opens an account with its one-time secret.
    Activate {
        /// The login name.
        name: String,
        /// The one-time secret.
        secret: String,
        /// The passphrase chosen.
        passphrase: String,
    }
);
input!(
    /// Puts the keys under another passphrase.
    ChangePassphrase {
        /// The present one.
        present: String,
        /// The one chosen.
        chosen: String,
    }
);
input!(
    /// Changes how things are carried to and from a partner.
    PartnerCarriage {
        /// The partner.
        partner: String,
        /// How.
        carriage: Carriage,
    }
);
input!(
    /// Packs the next piece for a partner that is carried by file.
    Pack {
        /// The partner.
        partner: String,
        /// Where the packing goes on, as the answer before said; from the beginning if left out.
        place: Option<String>,
        /// The entry from which on the partner has lost what it held; read where no place is named.
        from: Option<u64>,
    }
);
input!(
    /// Asks for the newest receipts for a partner as files.
    CarryReceipt {
        /// The partner.
        partner: String,
        /// With the entries of its log from this index on.
        from: Option<u64>,
    }
);
input!(
    /// A person and roles: invite, grant, revoke.
    PersonRoles {
        /// The login name.
        name: String,
        /// The roles.
        roles: Vec<Role>,
    }
);
input!(
    /// A person.
    PersonOnly {
        /// The login name.
        name: String,
    }
);
input!(
    /// Approves a proposal (p-…) or a pending act (q-…).
    Approve {
        /// Its id.
        id: String,
        /// The digest of what was read.
        digest: String,
    }
);
input!(
    /// Refuses a proposal or a pending act.
    Refuse {
        /// Its id.
        id: String,
        /// Why.
        #[serde(default)]
        reason: String,
    }
);
input!(
    /// One line of the roster.
    RosterLine {
        /// Who.
        name: String,
        /// How to reach them by voice.
        phone: String,
    }
);
input!(
    /// The whole roster.
    Roster {
        /// The lines, whom to call first in front.
        lines: Vec<RosterLine>,
    }
);
input!(
    /// A stretch of the audit trail.
    Trail {
        /// From which line.
        #[serde(default)]
        from: u64,
        /// How many at most.
        limit: u32,
    }
);
input!(
    /// A partner's card.
    PartnerCard {
        /// Its whole text.
        card: String,
    }
);
input!(
    /// The words heard from a partner's officer.
    PartnerConfirm {
        /// The partner.
        partner: String,
        /// The words, as heard.
        heard: String,
    }
);
input!(
    /// A log that is to go on in a successor.
    Succeed {
        /// The partner.
        partner: String,
        /// Why; it stays in this node.
        reason: String,
        /// The exercise channel.
        #[serde(default)]
        exercise: bool,
        /// At its newest receipt, now, instead of in order.
        #[serde(default)]
        at_once: bool,
    }
);
input!(
    /// One of the two channels with a partner.
    OneChannel {
        /// The partner.
        partner: String,
        /// The exercise channel.
        #[serde(default)]
        exercise: bool,
    }
);
input!(
    /// An optional partner.
    WithMaybe {
        /// The partner; all if left out.
        #[serde(default)]
        with: Option<String>,
    }
);
input!(
    /// A partner.
    With {
        /// The partner.
        with: String,
    }
);
input!(
    /// A proposed agreement.
    AgreementPropose {
        /// With whom.
        with: String,
        /// Its text.
        text: String,
    }
);
input!(
    /// An answer to a proposed agreement.
    AgreementAnswer {
        /// With whom.
        with: String,
        /// Its hash, or the first eight digits of it.
        hash: String,
        /// Why, if refused.
        #[serde(default)]
        reason: Option<String>,
    }
);
input!(
    /// A new stance on a domain.
    DomainChange {
        /// With whom.
        with: String,
        /// The domain.
        domain: Domain,
        /// `suspended`, `resuming`, `active` or `terminated`.
        state: String,
        /// What may pass while resuming.
        #[serde(default)]
        pilot: Vec<MatterKind>,
        /// A word to the partner.
        #[serde(default)]
        note: Option<String>,
    }
);
input!(
    /// A receiver risk assessment.
    Risk {
        /// Of whom.
        of: String,
        /// In which domain.
        domain: Domain,
        /// On what it rests.
        basis: String,
        /// The assurances relied on.
        #[serde(default)]
        assurances: Vec<String>,
        /// Past this date it is no longer in force.
        review_date: Date,
    }
);
input!(
    /// A warning file to be written.
    Write {
        /// The file's text.
        text: String,
        /// The warning that it writes anew.
        #[serde(default)]
        warning: Option<String>,
    }
);
input!(
    /// A warning.
    WarningOnly {
        /// Its id.
        warning: String,
    }
);
input!(
    /// A warning to be read, and why.
    WarningShow {
        /// Its id.
        warning: String,
        /// Why it is read; needed where it names persons.
        #[serde(default)]
        why: Option<String>,
    }
);
input!(
    /// An assessed duty.
    Assess {
        /// The warning.
        warning: String,
        /// It can be believed.
        credible: bool,
        /// It says enough to act upon.
        specific: bool,
        /// It is about to happen.
        impending: bool,
    }
);
input!(
    /// A waiver.
    Waive {
        /// The warning.
        warning: String,
        /// The coded reason.
        reason: WaiverReason,
        /// The officer's words.
        text: String,
    }
);
input!(
    /// What is stated to one recipient.
    Recipient {
        /// The recipient.
        party: String,
        /// What it is passed for.
        #[serde(default)]
        purpose: Option<Purpose>,
        /// The precedence it is told; the warning's own if left out.
        #[serde(default)]
        precedence: Option<Precedence>,
    }
);
input!(
    /// A word that the comparison found and that is let through.
    Override {
        /// The field.
        path: String,
        /// The word.
        word: String,
        /// Why.
        reason: String,
    }
);
input!(
    /// A preview.
    Preview {
        /// The warning.
        warning: String,
        /// The recipients.
        recipients: Vec<Recipient>,
        /// By the imminent-danger path.
        #[serde(default)]
        imminent_danger: bool,
        /// Words let through by the caller.
        #[serde(default)]
        overrides: Vec<Override>,
    }
);
input!(
    /// A release.
    Release {
        /// The proposal.
        proposal: String,
        /// Its digest.
        digest: String,
        /// What is imminent, if one person releases it alone.
        #[serde(default)]
        imminent_danger: Option<String>,
    }
);
input!(
    /// A review of a one-person release.
    Review {
        /// The proposal.
        proposal: String,
        /// What was found.
        verdict: String,
    }
);
input!(
    /// A proposal to be read.
    ProposalShow {
        /// Its id.
        proposal: String,
    }
);
input!(
    /// A recalled warning.
    Recall {
        /// The warning.
        warning: String,
        /// The coded reason.
        reason: RecallReason,
        /// Take it out of the ledger.
        #[serde(default)]
        uncount: bool,
    }
);
input!(
    /// An entry.
    EntryOnly {
        /// Its name.
        entry: String,
    }
);
input!(
    /// An entry to be read, and why.
    EntryShow {
        /// Its name.
        entry: String,
        /// Why; needed where it names persons.
        #[serde(default)]
        why: Option<String>,
    }
);
input!(
    /// What was kept of what cannot be true, to be written into a folder.
    EvidenceExport {
        /// Its number.
        id: i64,
        /// Whether what was kept is wanted as it came, and not the proof.
        #[serde(default)]
        raw: bool,
        /// Why it is read; needed where a parcel was kept.
        #[serde(default)]
        why: Option<String>,
    }
);
input!(
    /// A disposition.
    Dispose {
        /// The release.
        entry: String,
        /// The decision.
        disposition: Disposition,
        /// A word to the giver.
        #[serde(default)]
        text: Option<String>,
    }
);
input!(
    /// A recalled release that is kept.
    Contest {
        /// The release.
        entry: String,
        /// The coded reason.
        reason: ContestReason,
        /// A word to the giver.
        #[serde(default)]
        text: Option<String>,
    }
);
input!(
    /// An action.
    Action {
        /// The release.
        entry: String,
        /// Its kind, e.g. `raid`, `protection`.
        kind: String,
        /// What was done.
        text: String,
    }
);
input!(
    /// An action that has ended.
    StandDown {
        /// Its number.
        action: i64,
    }
);
input!(
    /// An outcome.
    OutcomeReport {
        /// The release it answers.
        #[serde(default)]
        entry: Option<String>,
        /// The partner, for an unsolicited one.
        #[serde(default)]
        to: Option<String>,
        /// What came of it.
        outcome: Outcome,
    }
);
input!(
    /// Thanks.
    ThanksGive {
        /// The release they are for.
        #[serde(default)]
        entry: Option<String>,
        /// The partner, if for no release.
        #[serde(default)]
        to: Option<String>,
        /// The words.
        text: String,
        /// On whose behalf, by role.
        from_role: String,
        /// To which role they are to be passed on.
        #[serde(default)]
        relay_to: Option<String>,
    }
);
input!(
    /// Thanks that were passed on.
    ThanksRelay {
        /// The entry with the thanks.
        entry: String,
        /// The role that received them.
        received_by: String,
    }
);
input!(
    /// An undertaking.
    Undertake {
        /// To whom.
        to: String,
        /// What is promised.
        undertaking: Undertaking,
    }
);
input!(
    /// Oversight's key.
    OversightAppoint {
        /// The verifier key.
        key: String,
    }
);
input!(
    /// Texts of the audit trail.
    OversightLines {
        /// The first line wanted.
        from: u64,
    }
);
input!(
    /// A checkpoint of the audit trail that oversight has cosigned.
    OversightSettle {
        /// The checkpoint with its lines.
        note: String,
    }
);
input!(
    /// This node goes on from a copy of its data.
    RecoverBegin {
        /// What happened.
        why: String,
    }
);
input!(
    /// A partner's word is taken for what this node had signed.
    RecoverTrust {
        /// The partner.
        partner: String,
    }
);

/// Of a backup that is about to be made.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupBegun {
    /// Whether the databases are copied.
    pub databases: bool,
    /// Whether the keys are copied.
    pub keys: bool,
}

/// Of a file of a backup that is there.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupMade {
    /// SHA-256 of the file, hex.
    pub digest: String,
    /// Whether it is the file of keys.
    pub keys: bool,
}

/// The answer to a login.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Session {
    /// The token of the session; sent back as `Authorization: Bearer …`.
    pub token: String,
    /// Who is logged in.
    pub name: String,
    /// The roles held.
    pub roles: Vec<Role>,
    /// When the session ends at the latest.
    pub until: Timestamp,
}
