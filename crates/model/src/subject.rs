//! Persons in a warning: category, purpose, ground, review date; and the guard that stops a person, never a threat.

use std::collections::BTreeSet;
use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::ladder::{Rung, midnight};
use crate::vocab::{Ground, IdentityBasis, Purpose, StatusBasis, SubjectCategory, SubjectStatus};

/// The most persons one warning may name: there are no bulk person lists.
pub const SUBJECTS_MAX: usize = 20;

/// The longest a person record may go without a review, in days (28 CFR 23: five years).
pub const REVIEW_DAYS_MAX: i64 = 5 * 366;

/// A person in a warning, or somebody whose identity is withheld.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// How the desk speaks of them, e.g. `Subject 1`.
    pub pseudonym: String,
    /// In what capacity they stand here.
    pub category: SubjectCategory,
    /// Why their data is held.
    pub purpose: Purpose,
    /// The coded grounds; at least one.
    pub grounds: BTreeSet<Ground>,
    /// When somebody must look again (I-38: past it, not visible).
    pub review_date: Date,
    /// How the identity is known.
    pub identity_basis: IdentityBasis,
    /// Who they are, as a ladder; the last rung is "a person".
    pub identity: Vec<Rung>,
    /// Their procedural status, as a ladder of assertions; may be empty.
    pub status: Vec<Rung>,
}

/// Why the persecution guard stops a person (safeguard S1, I-32). The bare threat still goes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PersonStopped {
    /// No ground at all was coded.
    #[error("{pseudonym} has no coded ground; a person may stand in a warning only with a ground")]
    NoGround {
        /// Which subject.
        pseudonym: String,
    },
    /// Every ground coded says only who the person is.
    #[error(
        "{pseudonym} is here only for {grounds}; belief, affiliation, origin, journalism, protest or asylum alone is \
         never a ground"
    )]
    ProtectedGroundOnly {
        /// Which subject.
        pseudonym: String,
        /// The grounds that were coded, separated by commas.
        grounds: String,
    },
    /// The review date has passed.
    #[error(
        "the record of {pseudonym} was due for review on {review_date}; it needs new grounds before it is used"
    )]
    ReviewOverdue {
        /// Which subject.
        pseudonym: String,
        /// The date that has passed.
        review_date: Date,
    },
}

impl Subject {
    /// Whether this person may be told of to anybody at `now`; the error says why not.
    pub fn may_circulate(&self, now: Timestamp) -> Result<(), PersonStopped> {
        let pseudonym = self.pseudonym.clone();
        if self.grounds.is_empty() {
            return Err(PersonStopped::NoGround { pseudonym });
        }
        if !self.grounds.iter().any(|g| g.stands_alone()) {
            let grounds = self.grounds.iter().map(|g| g.plain()).collect::<Vec<_>>().join(", ");
            return Err(PersonStopped::ProtectedGroundOnly { pseudonym, grounds });
        }
        if now >= midnight(self.review_date) {
            return Err(PersonStopped::ReviewOverdue { pseudonym, review_date: self.review_date });
        }
        Ok(())
    }

    /// Whether the person is the one threatened; the life floor may carry only such a person.
    pub fn is_intended_victim(&self) -> bool {
        self.category == SubjectCategory::IntendedVictim
    }
}

/// A status of a person as somebody asserted it; never edited, only followed by another (I-31).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusAssertion {
    /// The status.
    pub status: SubjectStatus,
    /// Who asserts it.
    pub asserted_by: String,
    /// As of which day.
    pub as_of: Date,
    /// Until which day it holds, if it ends by itself; past it the status reads "ended, to be confirmed".
    pub valid_until: Option<Date>,
    /// On what it rests.
    pub basis: StatusBasis,
}

impl StatusAssertion {
    /// The status as it reads at `now`: past `valid_until` it has ended and wants confirming.
    pub fn reads_at(&self, now: Timestamp) -> String {
        match self.valid_until {
            Some(until) if now >= midnight(until) => {
                format!("{}: ended {until}, to be confirmed", self.status.plain())
            }
            _ => self.status.plain(),
        }
    }
}

impl fmt::Display for StatusAssertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} as of {}, says {} ({})",
            self.status.plain(),
            self.as_of,
            self.asserted_by,
            self.basis
        )?;
        match self.valid_until {
            Some(until) => write!(f, ", until {until}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(grounds: &[Ground]) -> Subject {
        Subject {
            pseudonym: "Subject 1".to_owned(),
            category: SubjectCategory::Suspect,
            purpose: Purpose::PreventHarm,
            grounds: grounds.iter().copied().collect(),
            review_date: Date::constant(2027, 6, 1),
            identity_basis: IdentityBasis::Confirmed,
            identity: Vec::new(),
            status: Vec::new(),
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_person_here_only_for_who_they_are_is_stopped() {
        let now = at("2026-12-10T00:00:00Z");
        for ground in Ground::ALL {
            let verdict = subject(&[*ground]).may_circulate(now);
            assert_eq!(verdict.is_ok(), ground.stands_alone(), "{ground}: {verdict:?}");
        }
        assert!(subject(&[Ground::Belief, Ground::Protest]).may_circulate(now).is_err());
        assert!(subject(&[Ground::Belief, Ground::PlansAttack]).may_circulate(now).is_ok());
        assert!(subject(&[]).may_circulate(now).is_err());
    }

    #[test]
    fn past_the_review_date_a_person_is_not_told_of() {
        assert!(subject(&[Ground::PlansAttack]).may_circulate(at("2027-05-31T23:59:59Z")).is_ok());
        assert!(subject(&[Ground::PlansAttack]).may_circulate(at("2027-06-01T00:00:00Z")).is_err());
    }

    #[test]
    fn past_its_end_a_status_reads_ended_to_be_confirmed() {
        let status = StatusAssertion {
            status: SubjectStatus::Remanded,
            asserted_by: "Court B".to_owned(),
            as_of: Date::constant(2026, 12, 17),
            valid_until: Some(Date::constant(2027, 1, 14)),
            basis: StatusBasis::CourtOrder,
        };
        assert_eq!(status.reads_at(at("2027-01-13T10:00:00Z")), "remanded");
        assert_eq!(
            status.reads_at(at("2027-01-14T10:00:00Z")),
            "remanded: ended 2027-01-14, to be confirmed"
        );
    }
}
