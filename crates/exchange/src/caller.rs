//! Whether the person who calls may do what they ask.

use model::caller::Person;
use model::vocab::Role;

use crate::refusal::Refusal;

/// Refuses unless the person holds one of the roles.
pub(crate) fn needs(caller: &Person, any_of: &[Role], what: &str) -> Result<(), Refusal> {
    if any_of.iter().any(|role| caller.holds(*role)) {
        return Ok(());
    }
    let held = caller.roles.iter().map(|r| r.word()).collect::<Vec<_>>().join(", ");
    let wanted = any_of.iter().map(|r| r.word()).collect::<Vec<_>>().join(" or ");
    Err(Refusal::yours("not_authorised", format!("{} may not {what}", caller.name))
        .detail(format!("roles held: {}", if held.is_empty() { "none" } else { &held }))
        .hint(format!("it takes the role {wanted}; ask an operator (`forewarn person grant`)")))
}
