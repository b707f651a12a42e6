//! The state machines of warnings, releases and domains as tables: who may go where by which event.

use std::fmt::{Debug, Display};

use crate::vocab::UnknownWord;

/// An event that the machine does not take in the state it is in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a {machine} that is {state} cannot be moved by {event:?}; from here it can: {possible}")]
pub struct WrongStep {
    /// Which machine.
    pub machine: &'static str,
    /// The state it is in.
    pub state: &'static str,
    /// The event that was tried.
    pub event: &'static str,
    /// The events it takes here, separated by commas; "nothing" at a final state.
    pub possible: String,
}

/// A machine: states, events, the table of steps, and where it may rest.
pub trait Machine: Copy + Eq + Debug + Display + 'static {
    /// What moves it.
    type Event: Copy + Eq + Debug + Display + 'static;
    /// Its name in messages.
    const NAME: &'static str;
    /// Where it begins.
    const START: Self;
    /// Every step: from, by, to. At most one per (from, by).
    const STEPS: &'static [(Self, Self::Event, Self)];
    /// Where it may rest for good.
    const FINAL: &'static [Self];
    /// The state's word.
    fn word(self) -> &'static str;
    /// The event's word.
    fn event_word(event: Self::Event) -> &'static str;

    /// The state after `event`, or why there is none.
    fn step(self, event: Self::Event) -> Result<Self, WrongStep> {
        Self::STEPS
            .iter()
            .find(|(from, by, _)| *from == self && *by == event)
            .map(|(_, _, to)| *to)
            .ok_or_else(|| {
                let possible: Vec<_> =
                    Self::STEPS.iter().filter(|s| s.0 == self).map(|s| Self::event_word(s.1)).collect();
                WrongStep {
                    machine: Self::NAME,
                    state: self.word(),
                    event: Self::event_word(event),
                    possible: if possible.is_empty() { "nothing".to_owned() } else { possible.join(", ") },
                }
            })
    }
}

macro_rules! machine {
    ($(#[$meta:meta])* $state:ident / $event:ident, $name:literal, start $start:ident, final [$($fin:ident),+],
     states { $($s:ident = $sword:literal),+ $(,)? } events { $($e:ident = $eword:literal),+ $(,)? }
     $( $from:ident > $to:ident $by:ident; )+) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $state { $(#[doc = concat!("`", $sword, "`")] $s,)+ }

        #[doc = concat!("What moves a ", $name, ".")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $event { $(#[doc = concat!("`", $eword, "`")] $e,)+ }

        impl Display for $state {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(self.word()) }
        }

        impl Display for $event {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str($state::event_word(*self)) }
        }

        impl std::str::FromStr for $state {
            type Err = UnknownWord;
            fn from_str(word: &str) -> Result<Self, UnknownWord> {
                match word {
                    $($sword => Ok(Self::$s),)+
                    _ => Err(UnknownWord {
                        word: word.chars().take(60).collect(),
                        vocabulary: concat!("state of a ", $name),
                        expected: [$($sword),+].join(", "),
                    }),
                }
            }
        }

        impl Machine for $state {
            type Event = $event;
            const NAME: &'static str = $name;
            const START: Self = Self::$start;
            const STEPS: &'static [(Self, $event, Self)] = &[$((Self::$from, $event::$by, Self::$to),)+];
            const FINAL: &'static [Self] = &[$(Self::$fin,)+];
            fn word(self) -> &'static str { match self { $(Self::$s => $sword,)+ } }
            fn event_word(event: $event) -> &'static str { match event { $($event::$e => $eword,)+ } }
        }
    };
}

machine! {
    /// The life of a warning in the giver's node.
    WarningState / WarningEvent, "warning", start Draft, final [Closed],
    states {
        Draft = "draft", Graded = "graded", Assessed = "assessed", InReview = "in_review", Releasable = "releasable",
        Active = "active", Lapsed = "lapsed", Cancelled = "cancelled", Recalling = "recalling", Recalled = "recalled",
        RecalledPartly = "recalled_partly", Waived = "waived", Closed = "closed",
    }
    events {
        Grade = "grade", AssessDuty = "assess_duty", Propose = "propose", Return = "return", Approve = "approve",
        Waive = "waive", Reopen = "reopen", NoDutyNoInterest = "no_duty_no_interest", FirstRelease = "first_release",
        Edit = "edit", Close = "close", Update = "update", Extend = "extend", LetLapse = "let_lapse",
        Cancel = "cancel", Recall = "recall", AllConfirmed = "all_confirmed", Deadline = "deadline",
        LateConfirm = "late_confirm", CloseWithUnknowns = "close_with_unknowns",
    }
    Draft > Graded Grade;
    Graded > Assessed AssessDuty;
    Assessed > InReview Propose;
    InReview > Graded Return;
    InReview > Releasable Approve;
    Assessed > Waived Waive;
    Waived > Assessed Reopen;
    Assessed > Closed NoDutyNoInterest;
    Releasable > Active FirstRelease;
    Releasable > Graded Edit;
    Releasable > Waived Waive;
    Releasable > Closed Close;
    Active > Active Update;
    Active > Active Extend;
    Active > Lapsed LetLapse;
    Lapsed > Active Extend;
    Active > Cancelled Cancel;
    Lapsed > Cancelled Cancel;
    Active > Recalling Recall;
    Lapsed > Recalling Recall;
    Cancelled > Recalling Recall;
    Recalling > Recalled AllConfirmed;
    Recalling > RecalledPartly Deadline;
    RecalledPartly > Recalled LateConfirm;
    Active > Closed Close;
    Lapsed > Closed Close;
    Cancelled > Closed Close;
    Recalled > Closed Close;
    RecalledPartly > Closed CloseWithUnknowns;
    Waived > Closed Close;
}

machine! {
    /// A previewed set of recipient copies that waits for its approval.
    ProposalState / ProposalEvent, "proposal", start Proposed, final [Approved, Refused, Expired],
    states { Proposed = "proposed", Approved = "approved", Refused = "refused", Expired = "expired" }
    events { Approve = "approve", Refuse = "refuse", Clock = "clock" }
    Proposed > Approved Approve;
    Proposed > Refused Refuse;
    Proposed > Expired Clock;
}

machine! {
    /// The first of a release's four facts: where its bytes are.
    DeliveryState / DeliveryEvent, "delivery", start Queued, final [Held, Withdrawn, Erased, ErasureContested],
    states {
        Queued = "queued", Appended = "appended", Withdrawn = "withdrawn", Held = "held", Erased = "erased",
        ErasureContested = "erasure_contested",
    }
    events {
        Append = "append", Withdraw = "withdraw", Receipt = "receipt", Successor = "successor",
        ConfirmErasure = "confirm_erasure", LawfulRetention = "lawful_retention",
    }
    Queued > Appended Append;
    Queued > Withdrawn Withdraw;
    Appended > Held Receipt;
    Appended > Queued Successor;
    Held > Erased ConfirmErasure;
    Held > ErasureContested LawfulRetention;
}

machine! {
    /// One party's stance on a domain of co-operation; the state between two parties is the stricter of both stances.
    /// Ordered from the loosest to the strictest.
    DomainState / DomainEvent, "domain", start Proposed, final [Terminated, Refused],
    states {
        Active = "active", Resuming = "resuming", Suspended = "suspended", Proposed = "proposed",
        Refused = "refused", Terminated = "terminated",
    }
    events {
        Sign = "sign", Refuse = "refuse", Suspend = "suspend", Pilot = "pilot", Complete = "complete", End = "end",
    }
    Proposed > Active Sign;
    Active > Suspended Suspend;
    Suspended > Resuming Pilot;
    Resuming > Active Complete;
    Resuming > Suspended Suspend;
    Active > Terminated End;
    Suspended > Terminated End;
    Proposed > Terminated End;
    Proposed > Refused Refuse;
    Resuming > Terminated End;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<M: Machine>() {
        let mut reached = vec![M::START];
        while let Some(next) =
            M::STEPS.iter().find(|s| reached.contains(&s.0) && !reached.contains(&s.2)).map(|s| s.2)
        {
            reached.push(next);
        }
        for (from, by, _) in M::STEPS {
            assert!(reached.contains(from), "{}: {from} cannot be reached", M::NAME);
            let same = M::STEPS.iter().filter(|s| s.0 == *from && s.1 == *by).count();
            assert_eq!(same, 1, "{}: {from} by {by} is not deterministic", M::NAME);
        }
        for state in &reached {
            let mut ends = vec![*state];
            while let Some(next) =
                M::STEPS.iter().find(|s| ends.contains(&s.0) && !ends.contains(&s.2)).map(|s| s.2)
            {
                ends.push(next);
            }
            assert!(ends.iter().any(|e| M::FINAL.contains(e)), "{}: {state} can never come to rest", M::NAME);
        }
    }

    #[test]
    fn every_state_is_reached_can_come_to_rest_and_takes_each_event_one_way() {
        check::<WarningState>();
        check::<ProposalState>();
        check::<DeliveryState>();
        check::<DomainState>();
    }

    #[test]
    fn a_step_that_is_not_in_the_table_names_those_that_are() {
        let refused = WarningState::Waived.step(WarningEvent::Approve).unwrap_err().to_string();
        assert!(refused.contains("reopen, close"), "{refused}");
        assert_eq!(DomainState::Suspended.step(DomainEvent::Complete).unwrap_err().possible, "pilot, end");
    }
}
