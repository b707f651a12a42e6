//! The duty roster: whom to call by voice, in which order.

use jiff::Timestamp;
use model::caller::Person;
use model::plain::is_unseen;
use model::vocab::Role;
use serde_json::json;
use store::RosterLine;

use crate::audit;
use crate::caller::needs;
use crate::house::House;
use crate::people::acting;
use crate::refusal::Refusal;

/// The most lines of a roster.
const LINES_MAX: usize = 50;
/// The longest name, in characters.
const NAME_CHARS_MAX: usize = 100;
/// The longest telephone number, in characters.
const PHONE_CHARS_MAX: usize = 40;

/// Who keeps the roster.
const KEEPERS: &[Role] = &[Role::Operator, Role::Release, Role::Liaison];

/// One line of the duty roster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnDuty {
    /// Who, or which desk.
    pub name: String,
    /// How to reach them by voice: digits, spaces and `+ - ( ) / # *`.
    pub phone: String,
}

/// Puts these lines in the place of the whole roster, whom to call first in front. For operators, release authority and
/// liaison.
pub fn set(house: &House, caller: &Person, lines: &[OnDuty], now: Timestamp) -> Result<(), Refusal> {
    needs(caller, KEEPERS, "change the duty roster")?;
    if lines.len() > LINES_MAX {
        return Err(Refusal::yours("bad_roster", format!("a roster has at most {LINES_MAX} lines"))
            .detail(format!("{} were given", lines.len())));
    }
    let rows = (1..).zip(lines).map(|(position, line)| row(position, line)).collect::<Result<Vec<_>, _>>()?;
    let caller = caller.name.clone();
    house.store.act(move |tx| {
        acting(tx, &caller, KEEPERS)?;
        tx.set_roster(&rows)?;
        audit::note(tx, now, caller.as_str(), "roster.set", "roster", json!({ "lines": rows.len() }), &[])
    })
}

/// The roster in its order. For every person of the node.
pub fn list(house: &House, _caller: &Person) -> Result<Vec<OnDuty>, Refusal> {
    let rows = house.store.view(|view| view.roster())?;
    Ok(rows.into_iter().map(|RosterLine { position: _, name, phone }| OnDuty { name, phone }).collect())
}

fn row(position: u32, line: &OnDuty) -> Result<RosterLine, Refusal> {
    let bad = |why: &str| {
        Refusal::yours("bad_roster", format!("line {position} of the roster {why}"))
            .hint("nothing was changed")
    };
    let (name, phone) = (line.name.trim(), line.phone.trim());
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX || name.chars().any(is_unseen) {
        return Err(bad("needs a name of 1 to 100 visible characters"));
    }
    let in_number = |c: char| c.is_ascii_digit() || " +-()/#*".contains(c);
    let has_digit = phone.chars().any(|c| c.is_ascii_digit());
    if !has_digit || phone.len() > PHONE_CHARS_MAX || !phone.chars().all(in_number) {
        return Err(bad("needs a telephone number of at most 40 digits, spaces and + - ( ) / # *"));
    }
    Ok(RosterLine { position, name: name.to_owned(), phone: phone.to_owned() })
}
