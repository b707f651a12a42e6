//! Whom several releases of one act are judged for: gathered once for those that go to the same partner under the same
//! terms, for as long as nothing happens in the act that could change it.

use disclosure::Audience;
use jiff::Timestamp;
use model::id::{EntryRef, PartyName};
use model::vocab::{Domain, Precedence, Purpose};
use model::warning::Warning;
use store::Act;

use crate::house::House;
use crate::preview::{Stated, audience};
use crate::refusal::Refusal;

/// The most audiences that are kept; beyond them one is gathered anew each time.
const KEPT_MAX: usize = 64;

/// Audiences as one act sees them at one time. Never handed from one act to another.
#[derive(Default)]
pub(crate) struct Audiences {
    kept: Vec<(Asked, Audience)>,
}

/// All of a release that its audience rests on, besides what stands in the store.
#[derive(PartialEq, Eq)]
struct Asked {
    party: PartyName,
    domain: Domain,
    under: Option<EntryRef>,
    purpose: Purpose,
    precedence: Precedence,
    imminent_danger: bool,
    now: Timestamp,
}

impl Audiences {
    /// The audience of a release, as [`audience`] gathers it.
    pub(crate) fn of(
        &mut self,
        us: &House,
        act: &Act<'_>,
        party: &PartyName,
        warning: &Warning,
        stated: &Stated,
        imminent_danger: bool,
        now: Timestamp,
    ) -> Result<&Audience, Refusal> {
        let asked = Asked {
            party: party.clone(),
            domain: warning.domain,
            under: warning.under.clone(),
            purpose: stated.purpose,
            precedence: stated.precedence,
            imminent_danger,
            now,
        };
        let at = match self.kept.iter().position(|(kept, _)| *kept == asked) {
            Some(at) => at,
            None => {
                let gathered = audience(us, act, party, warning, stated, imminent_danger, now)?;
                if self.kept.len() >= KEPT_MAX {
                    self.kept.clear();
                }
                self.kept.push((asked, gathered));
                self.kept.len() - 1
            }
        };
        let found = self.kept.get(at).map(|(_, audience)| audience);
        found.ok_or_else(|| Refusal::ours("an audience that was just gathered is gone"))
    }

    /// To be told of every entry that the act appends. A release changes nothing of what is agreed, promised or assessed;
    /// after anything else everything is gathered anew.
    pub(crate) fn appended(&mut self, kind: &str) {
        if !matches!(kind, "warning.released" | "warning.updated") {
            self.kept.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use disclosure::Path;

    use super::*;

    fn one_kept() -> Audiences {
        let party: PartyName = "service-b.example".parse().unwrap();
        let asked = Asked {
            party: party.clone(),
            domain: Domain::CounterTerrorism,
            under: None,
            purpose: Purpose::PreventHarm,
            precedence: Precedence::Immediate,
            imminent_danger: false,
            now: Timestamp::UNIX_EPOCH,
        };
        let audience = Audience {
            party,
            domain: None,
            struck_out: BTreeSet::new(),
            risk_assessed: false,
            purpose: Purpose::PreventHarm,
            precedence: Precedence::Immediate,
            path: Path::Ordinary,
            under: None,
            contact: String::new(),
        };
        Audiences { kept: vec![(asked, audience)] }
    }

    #[test]
    fn whatever_an_act_appends_but_a_release_has_everything_gathered_anew() {
        for (kind, is_kept) in [
            ("warning.released", true),
            ("warning.updated", true),
            ("warning.cancelled", false),
            ("warning.recalled", false),
            ("domain.changed", false),
            ("agreement.accepted", false),
            ("undertaking.declared", false),
            ("channel.opened", false),
            ("a.kind.to.come", false),
        ] {
            let mut audiences = one_kept();
            audiences.appended(kind);
            assert_eq!(!audiences.kept.is_empty(), is_kept, "{kind}");
        }
    }
}
