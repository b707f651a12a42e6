//! Closed vocabularies: each is an enum whose word is its form in files, on the wire and on the screen.
//!
//! A word that is not in the vocabulary is refused with the list of those that are. The words come from
//! ICD 191, ICD 203, CAP 1.2, STANAG 2511, TLP 2.0, PAP, Europol handling codes, LED Art. 6.

use serde::{Deserialize, Serialize};

/// The error of every vocabulary: the word met, the vocabulary's name, and the words it has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{word:?} is not a {vocabulary}; expected one of: {expected}")]
pub struct UnknownWord {
    /// The word as it was met, cut to 60 characters.
    pub word: String,
    /// What kind of word was expected.
    pub vocabulary: &'static str,
    /// The words of the vocabulary, separated by commas.
    pub expected: String,
}

macro_rules! vocabulary {
    ($(#[$meta:meta])* $name:ident, $title:literal { $($(#[$vmeta:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$vmeta])* #[doc = concat!("`", $word, "`")] #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// Every word of the vocabulary, in its order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word as it stands in files and on the wire.
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// The word as a person reads it: underscores become spaces.
            pub fn plain(self) -> String {
                self.word().replace('_', " ")
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }

        impl std::str::FromStr for $name {
            type Err = UnknownWord;

            fn from_str(word: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|v| v.word() == word).ok_or_else(|| UnknownWord {
                    word: word.chars().take(60).collect(),
                    vocabulary: $title,
                    expected: Self::ALL.iter().map(|v| v.word()).collect::<Vec<_>>().join(", "),
                })
            }
        }
    };
}

vocabulary! {
    /// Whether a message speaks of the world or of a drill (CAP 1.2 `status`). An exercise can never become actual (I-17).
    Status, "status" { Actual = "actual", Exercise = "exercise" }
}

impl From<Status> for tlog::channel::Use {
    fn from(status: Status) -> Self {
        match status {
            Status::Actual => Self::Actual,
            Status::Exercise => Self::Exercise,
        }
    }
}

vocabulary! {
    /// How fast a message is to be carried and answered; drives delivery and escalation, nothing else.
    Precedence, "precedence" {
        Routine = "routine", Priority = "priority", Immediate = "immediate", Flash = "flash",
    }
}

vocabulary! {
    /// A field of co-operation; each has its own state in an agreement (I-23).
    Domain, "domain of co-operation" {
        CounterTerrorism = "counter_terrorism", Cyber = "cyber", ArmsControl = "arms_control",
        Elections = "elections", OrganisedCrime = "organised_crime", Financial = "financial",
        PublicSafety = "public_safety", PlatformAbuse = "platform_abuse",
    }
}

vocabulary! {
    /// What kind of matter a message carries; agreements and pilot scopes list these.
    MatterKind, "kind of matter" {
        Threat = "threat", Indicator = "indicator", MalwareReport = "malware_report",
        VictimList = "victim_list", PersonLead = "person_lead", Advisory = "advisory",
    }
}

vocabulary! {
    /// What harm is planned or likely. The first three raise the duty to warn (ICD 191).
    HarmKind, "kind of harm" {
        Killing = "killing", SeriousInjury = "serious_injury", Kidnapping = "kidnapping",
        LifeSafetySystem = "life_safety_system",
        InfrastructureDisruption = "infrastructure_disruption", Intrusion = "intrusion",
        Extortion = "extortion", Fraud = "fraud",
        LiveStreamedViolence = "live_streamed_violence", ChildSafety = "child_safety",
    }
}

impl HarmKind {
    /// Whether this harm raises the duty to warn and the life floor: killing, serious injury, kidnapping (ICD 191, I-41).
    pub fn threatens_life(self) -> bool {
        matches!(self, Self::Killing | Self::SeriousInjury | Self::Kidnapping)
    }
}

vocabulary! {
    /// Who or what is threatened (ICD 191).
    TargetKind, "kind of target" {
        Person = "person", Group = "group", Institution = "institution", Business = "business",
        Structure = "structure", Location = "location",
    }
}

vocabulary! {
    /// Traffic Light Protocol 2.0: how widely a holder may share.
    Tlp, "TLP label" {
        Clear = "clear", Green = "green", Amber = "amber", AmberStrict = "amber+strict", Red = "red",
    }
}

vocabulary! {
    /// Permissible Actions Protocol: what a holder may do with it.
    Pap, "PAP label" { Clear = "clear", Green = "green", Amber = "amber", Red = "red" }
}

vocabulary! {
    /// Europol handling codes; H0 has no condition.
    HCode, "handling code" { H1 = "h1", H2 = "h2", H3 = "h3" }
}

vocabulary! {
    /// Use as evidence: stricter words come later.
    Evidential, "evidential rule" { Yes = "yes", Ask = "ask", No = "no" }
}

vocabulary! {
    /// Passing on: stricter words come later.
    Onward, "onward rule" { Free = "free", Listed = "listed", Ask = "ask", No = "no" }
}

vocabulary! {
    /// Publication: stricter words come later; the default is none.
    Publicity, "publicity rule" { Free = "free", AgreedLines = "agreed_lines", None = "none" }
}

vocabulary! {
    /// What may be done about the persons named: stricter words come later.
    PersonsUse, "rule on the use of persons" {
        Free = "free", AskBeforeCoerciveAction = "ask_before_coercive_action", LeadOnly = "lead_only",
    }
}

vocabulary! {
    /// What an agreement lets through about persons (I-42); the default is none.
    PersonsRule, "persons rule" { None = "none", LeadOnly = "lead_only", Named = "named" }
}

vocabulary! {
    /// Why information is passed and may be used (Europol Art. 19).
    Purpose, "purpose" {
        PreventHarm = "prevent_harm", ProtectVictim = "protect_victim", Investigate = "investigate",
        Attribute = "attribute", SituationalAwareness = "situational_awareness", Oversight = "oversight",
    }
}

vocabulary! {
    /// How exactly the giver may be named to an audience; deeper words come later.
    NamingDepth, "naming depth" {
        None = "none", APartner = "a_partner", RegionOrSector = "region_or_sector", Country = "country",
        KindOfService = "kind_of_service", Agency = "agency", Unit = "unit", Role = "role", Person = "person",
    }
}

vocabulary! {
    /// How exactly a time is given; finer words come later.
    TimeDepth, "time depth" {
        None = "none", Recently = "recently", Year = "year", Month = "month", Week = "week", Day = "day",
        Exact = "exact",
    }
}

vocabulary! {
    /// How exactly a place is given; finer words come later.
    PlaceGrain, "place grain" {
        Country = "country", Region = "region", City = "city", District = "district", Address = "address",
    }
}

vocabulary! {
    /// The seven likelihood terms of ICD 203.
    Likelihood, "likelihood term" {
        AlmostNoChance = "almost_no_chance", VeryUnlikely = "very_unlikely", Unlikely = "unlikely",
        RoughlyEvenChance = "roughly_even_chance", Likely = "likely", VeryLikely = "very_likely",
        AlmostCertain = "almost_certain",
    }
}

vocabulary! {
    /// How sure the analyst is of the judgement (ICD 203); never in one sentence with the likelihood (I-28).
    Confidence, "confidence" { Low = "low", Moderate = "moderate", High = "high" }
}

vocabulary! {
    /// The scheme a grade is given in; a grade is kept as given.
    GradeScheme, "grading scheme" {
        Nato6x6 = "nato6x6", Europol4x4 = "europol4x4", Uk5x5x5 = "uk5x5x5", Uk3x5x2 = "uk3x5x2", Other = "other",
    }
}

vocabulary! {
    /// In what capacity a person stands in the information (LED Art. 6.
    SubjectCategory, "subject category" {
        Suspect = "suspect", Convicted = "convicted", Victim = "victim", IntendedVictim = "intended_victim",
        Witness = "witness", ContactOrAssociate = "contact_or_associate", Other = "other",
    }
}

vocabulary! {
    /// The coded ground on which a person is in the information. The last six alone are never enough (28 CFR 23.20(b), I-32).
    Ground, "ground" {
        PlansAttack = "plans_attack", PreparesMeans = "prepares_means", DirectsViolence = "directs_violence",
        FinancesViolence = "finances_violence", RecruitsForViolence = "recruits_for_violence",
        CommitsCrime = "commits_crime", IsThreatened = "is_threatened", WitnessOfHarm = "witness_of_harm",
        Belief = "belief", Affiliation = "affiliation", Origin = "origin", Journalism = "journalism",
        Protest = "protest", Asylum = "asylum",
    }
}

impl Ground {
    /// Whether the ground says what the person does or suffers, and not merely who the person is.
    pub fn stands_alone(self) -> bool {
        !matches!(
            self,
            Self::Belief | Self::Affiliation | Self::Origin | Self::Journalism | Self::Protest | Self::Asylum
        )
    }
}

vocabulary! {
    /// How an identity is known; one per media is not usable as confirmed.
    IdentityBasis, "identity basis" {
        Confirmed = "confirmed", Claimed = "claimed", PerMedia = "per_media", Unknown = "unknown",
    }
}

vocabulary! {
    /// The procedural state of a person, as asserted by someone; unknown is a status.
    SubjectStatus, "subject status" {
        Mentioned = "mentioned", OfInterest = "of_interest", Suspect = "suspect", Wanted = "wanted",
        AtLarge = "at_large", Detained = "detained", Remanded = "remanded", Charged = "charged",
        OnTrial = "on_trial", Convicted = "convicted", Acquitted = "acquitted", Released = "released",
        CaseDropped = "case_dropped", Deceased = "deceased", Unknown = "unknown",
    }
}

vocabulary! {
    /// On what a status rests.
    StatusBasis, "status basis" { CourtOrder = "court_order", Announcement = "announcement", Media = "media" }
}

vocabulary! {
    /// What the receiver decided about a release.
    Disposition, "disposition" {
        Accepted = "accepted", AlreadyKnown = "already_known", NeedsMore = "needs_more", Declined = "declined",
    }
}

vocabulary! {
    /// What became of the planned event.
    EventState, "event state" {
        Pending = "pending", Ongoing = "ongoing", Occurred = "occurred", NotOccurred = "not_occurred",
        Undetermined = "undetermined",
    }
}

vocabulary! {
    /// How the event is determined (STIX incident-core).
    Determination, "determination" {
        Blocked = "blocked", Confirmed = "confirmed", FailedAttempt = "failed_attempt",
        FalsePositive = "false_positive", Suspected = "suspected",
    }
}

vocabulary! {
    /// How far the warning helped.
    Contribution, "contribution" { None = "none", Some = "some", Decisive = "decisive", Unknown = "unknown" }
}

vocabulary! {
    /// The receiver's grade of a warning; shown with who graded it.
    Usefulness, "usefulness" { NoValue = "no_value", Low = "low", Medium = "medium", High = "high" }
}

vocabulary! {
    /// Whether a counted value is exact.
    CountBasis, "count basis" { Exact = "exact", Estimate = "estimate", AtLeast = "at_least" }
}

vocabulary! {
    /// Coded reasons not to warn (ICD 191).
    WaiverReason, "waiver reason" {
        EndangersPersonnel = "endangers_personnel", EndangersSource = "endangers_source",
        EndangersMethod = "endangers_method", EndangersOperation = "endangers_operation",
        VictimIsViolentActor = "victim_is_violent_actor",
        RiskFromOwnParticipationInHostilities = "risk_from_own_participation_in_hostilities",
        AlreadyWarned = "already_warned", NotFeasible = "not_feasible",
    }
}

vocabulary! {
    /// Why a warning is asked back (INTERPOL rules on data); undisclosed is allowed.
    RecallReason, "recall reason" {
        Error = "error", SourceCompromised = "source_compromised", Superseded = "superseded",
        PurposeEnded = "purpose_ended", Expired = "expired", CourtOrAuthority = "court_or_authority",
        Privacy = "privacy", Undisclosed = "undisclosed",
    }
}

vocabulary! {
    /// Why a receiver does not erase what it is asked to give back.
    ContestReason, "contest reason" {
        LawfulRetention = "lawful_retention", LegalProceedings = "legal_proceedings",
        ProtectionRunning = "protection_running", RecallDisputed = "recall_disputed",
    }
}

vocabulary! {
    /// What a person may do in the node. Operators cannot read sources; oversight reads and changes nothing.
    Role, "role" {
        Desk = "desk", Release = "release", Liaison = "liaison", Operator = "operator", Oversight = "oversight",
    }
}

vocabulary! {
    /// What kind of origin a source is; sealed with the source and never on the wire.
    SourceKind, "kind of source" {
        Human = "human", Technical = "technical", Partner = "partner", Open = "open", Document = "document",
        Anonymous = "anonymous",
    }
}

vocabulary! {
    /// How many could have been the source: unique wants generalising or a senior decision.
    Traceability, "traceability" { Unique = "unique", Few = "few", Many = "many" }
}

vocabulary! {
    /// On which grounds a person is protected, when a target is described by them.
    ProtectedBy, "protection" {
        Territory = "territory", Nationality = "nationality", Sector = "sector", Asset = "asset",
    }
}

vocabulary! {
    /// How things are carried to and from a partner: this node calls it; or calls it and takes its parcels as well; or
    /// waits to be called; or somebody carries files.
    Carriage, "carriage" { Push = "push", Fetch = "fetch", Wait = "wait", File = "file" }
}

impl Carriage {
    /// Whether this node calls the partner.
    pub fn dials(self) -> bool {
        matches!(self, Self::Push | Self::Fetch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_back_and_an_unknown_word_names_the_known_ones() {
        for domain in Domain::ALL {
            assert_eq!(domain.word().parse(), Ok(*domain));
        }
        let refused = "politics".parse::<Domain>().unwrap_err().to_string();
        assert!(refused.contains("counter_terrorism") && refused.contains("politics"), "{refused}");
    }

    #[test]
    fn only_killing_injury_and_kidnapping_raise_the_duty() {
        let raising: Vec<_> = HarmKind::ALL.iter().filter(|h| h.threatens_life()).map(|h| h.word()).collect();
        assert_eq!(raising, ["killing", "serious_injury", "kidnapping"]);
    }
}
