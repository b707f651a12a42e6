//! What the agreement says of the whole: its domain's state, the kind of matter, the purpose (F22, F23, I-23).

use model::agreement::DomainTerms;
use model::id::Digest;
use model::relation::DomainStanding;
use model::state::DomainState;
use model::vocab::Purpose;
use model::warning::Warning;

use crate::audience::Audience;
use crate::judgement::{Reason, Rule};
use crate::rung::{list, reason};

/// The terms under which the whole may go for this purpose, or what holds it.
pub(crate) fn terms<'a>(
    warning: &Warning,
    audience: &'a Audience,
    purpose: Purpose,
) -> Result<(&'a DomainTerms, Digest), Reason> {
    let (party, domain, contact) = (&audience.party, warning.domain.plain(), &audience.contact);
    let Some(standing) = &audience.domain else {
        return Err(reason(
            Rule::NoAgreement,
            &format!("no agreement in force with {party} names {domain}"),
            "nothing passes without one".to_owned(),
            format!("propose an agreement for it ({contact})"),
        ));
    };
    state(warning, audience, standing)?;
    let (terms, kind) = (&standing.terms, warning.kind);
    if !terms.kinds.contains(&kind) {
        return Err(reason(
            Rule::MatterKind,
            &format!("the agreement with {party} does not let a {} pass in {domain}", kind.plain()),
            format!("kinds: {}", list(&terms.kinds)),
            format!("have the kind added to the agreement ({contact})"),
        ));
    }
    if !terms.purposes.contains(&purpose) {
        return Err(reason(
            Rule::Purpose,
            &format!("the agreement with {party} does not name the purpose to {}", purpose.plain()),
            format!("purposes: {}", list(&terms.purposes)),
            "state another purpose, or have it added to the agreement".to_owned(),
        ));
    }
    Ok((terms, standing.agreement))
}

fn state(warning: &Warning, audience: &Audience, standing: &DomainStanding) -> Result<(), Reason> {
    let (party, domain, kind) = (&audience.party, warning.domain.plain(), warning.kind);
    match standing.state {
        DomainState::Active => Ok(()),
        DomainState::Resuming if standing.pilot_scope.contains(&kind) => Ok(()),
        DomainState::Resuming => Err(reason(
            Rule::PilotScope,
            &format!("{} is outside pilot scope: {domain} with {party} is only resuming", kind.plain()),
            format!("pilot scope: {}", list(&standing.pilot_scope)),
            format!("have the scope widened or the domain resumed in full ({})", audience.contact),
        )),
        state @ (DomainState::Proposed
        | DomainState::Suspended
        | DomainState::Refused
        | DomainState::Terminated) => Err(reason(
            Rule::DomainState,
            &format!("{domain} with {party} is {state}"),
            format!("our stance: {}, theirs: {}", standing.ours, standing.theirs),
            format!("the liaison officer can take it up ({})", audience.contact),
        )),
    }
}
