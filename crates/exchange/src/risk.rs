//! Receiver risk assessments: without one in force a partner is told of no person, whatever the agreement says (I-42).

use jiff::Timestamp;
use jiff::civil::Date;
use model::caller::Person;
use model::id::PartyName;
use model::vocab::{Domain, Role};
use store::RiskRow;

use crate::audit;
use crate::caller::needs;
use crate::house::House;
use crate::partner;
use crate::refusal::Refusal;

/// An assessment as the officer writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assessed {
    /// On what it rests, in words.
    pub basis: String,
    /// The assurances it relies on.
    pub assurances: Vec<String>,
    /// Past this date it is no longer in force.
    pub review_date: Date,
}

/// Records that a partner may be told of persons in a domain. It stays in this node.
pub fn assess(
    house: &House,
    caller: &Person,
    of: &PartyName,
    domain: Domain,
    assessed: Assessed,
    now: Timestamp,
) -> Result<(), Refusal> {
    needs(caller, &[Role::Release], "assess the risk of telling a partner of persons")?;
    if assessed.basis.trim().is_empty() {
        return Err(Refusal::yours("no_reason", "an assessment says in words on what it rests"));
    }
    if model::ladder::midnight(assessed.review_date) <= now {
        return Err(Refusal::yours("in_the_past", "the review date has passed already"));
    }
    let row = RiskRow {
        partner: of.clone(),
        domain,
        author: caller.name.clone(),
        basis: assessed.basis,
        assurances: assessed.assurances,
        review_date: assessed.review_date,
        at: now,
    };
    let by = caller.name.clone();
    house.store.act(move |act| {
        partner::confirmed(act, &row.partner)?;
        act.add_risk_assessment(&row)?;
        let detail = serde_json::json!({ "domain": domain.word() });
        audit::note(act, now, by.as_str(), "risk.assess", row.partner.as_str(), detail, &[])
    })
}
