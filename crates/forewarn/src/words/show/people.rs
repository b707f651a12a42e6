//! Accounts, what waits for a second person, the roster and the audit trail.

use crate::say::{Ink, Look, json_line};
use crate::words::answer::Said;
use crate::words::show::table::{Table, cell};
use crate::words::show::{head, times};

/// A one-time secret, shown once.
fn secret(said: Said<'_>, look: &Look) -> String {
    if said.is_nothing() {
        return String::new();
    }
    let until = said.at("until").time().map(|t| times::until(t, look.now)).unwrap_or_default();
    format!(
        "The one-time secret opens the account until {until}.\n\
         It is shown once; hand it over so that nobody else reads it:\n\n  \
         {}\n\n",
        said.at("secret").line()
    )
}

/// A pending act that was just proposed.
fn waits(said: Said<'_>, look: &Look) -> String {
    if said.is_nothing() {
        return String::new();
    }
    let until = said.at("expires_at").time().map(|t| times::until(t, look.now)).unwrap_or_default();
    format!(
        "It waits for a second person until {until}:\n  forewarn approve {} --digest {}\n",
        said.at("id").line(),
        said.at("digest").line()
    )
}

fn roles_given(said: Said<'_>, look: &Look) -> String {
    let mut out = String::new();
    if said.at("granted").has_parts() {
        out.push_str(&format!("Roles granted: {}.\n", said.at("granted").joined(", ")));
    }
    if !said.at("waits").is_nothing() {
        out.push_str(&format!("The other roles take two persons.\n{}", waits(said.at("waits"), look)));
    }
    out
}

/// What an invitation gave.
pub(crate) fn invited(said: Said<'_>, look: &Look) -> String {
    format!(
        "The account is made.\n{}{}",
        secret(said.at("invitation"), look),
        roles_given(said.at("roles"), look)
    )
}

/// What granting gave.
pub(crate) fn granted(said: Said<'_>, look: &Look) -> String {
    let given = roles_given(said.at("roles"), look);
    if given.is_empty() { "Nothing changes: the roles are held already.\n".to_owned() } else { given }
}

/// What became of an act that may take two persons.
pub(crate) fn settled(said: Said<'_>, look: &Look) -> String {
    if said.at("done").yes() {
        return format!("Done.\n{}", secret(said.at("invitation"), look));
    }
    format!("Nothing has changed.\n{}", waits(said.at("waits"), look))
}

/// What an approval did.
pub(crate) fn approved(said: Said<'_>, digest: &str, look: &Look) -> String {
    let id = said.at("approved").line();
    if said.at("what").is_nothing() {
        let digest = model::plain::plain_line(digest);
        return format!(
            "Approved: {id}.\n\n{}  forewarn release {id} --digest {digest}\n",
            head(look, "Next")
        );
    }
    format!("Done: {}.\n{}", said.at("what").line(), secret(said.at("invitation"), look))
}

/// The accounts.
pub(crate) fn list(said: Said<'_>, look: &Look) -> String {
    let mut table = Table::new(&["name", "state", "roles", "invited until", ">failures", "key"]);
    for person in said.items() {
        let invited = person.at("invited_until").time().map(|t| times::until(t, look.now));
        let failures = person.at("failures").count().filter(|n| *n > 0);
        table.row([
            person.at("name").line().into(),
            person.at("state").line().into(),
            person.at("roles").joined(", ").into(),
            invited.unwrap_or_default().into(),
            failures.map(|n| n.to_string()).unwrap_or_default().into(),
            cell(Ink::Quiet, person.at("fingerprint").line().chars().take(16).collect::<String>()),
        ]);
    }
    table.show(look)
}

/// What waits for a second person.
pub(crate) fn pending(said: Said<'_>, look: &Look) -> String {
    let acts: Vec<_> = said.at("acts").items().collect();
    let (open, settled): (Vec<_>, Vec<_>) = acts.into_iter().partition(|a| a.at("standing").is("waiting"));
    if open.is_empty() && !said.at("proposals").has_parts() {
        return "Nothing waits for a second person. A release that was previewed stands here: `forewarn warning preview`.\n".to_owned();
    }
    let mut out = String::new();
    for proposal in said.at("proposals").items() {
        let until = proposal.at("expires_at").time().map(|t| times::both(t, look.now)).unwrap_or_default();
        out.push_str(&head(look, &format!("Release to {}", proposal.at("recipients").joined(", "))));
        out.push_str(&format!(
            "  {} proposed it; it ends {until}\n  read it first  forewarn pending {}\n  then           forewarn approve {} --digest {}\n",
            proposal.at("author").line(),
            proposal.at("proposal").line(),
            proposal.at("proposal").line(),
            proposal.at("digest").line()
        ));
    }
    for act in open {
        let until = act.at("expires_at").time().map(|t| times::both(t, look.now)).unwrap_or_default();
        out.push_str(&head(look, &act.at("what").line()));
        out.push_str(&format!(
            "  {} proposed it; it ends {until}\n  forewarn approve {} --digest {}\n",
            act.at("proposed_by").line(),
            act.at("id").line(),
            act.at("digest").line()
        ));
    }
    if !settled.is_empty() {
        out.push_str(
            &look.ink(Ink::Quiet, &format!("{} settled before; `--json` lists them", settled.len())),
        );
        out.push('\n');
    }
    out
}

/// The roster.
pub(crate) fn roster(said: Said<'_>, look: &Look) -> String {
    if !said.has_parts() {
        return "The roster is empty: an overdue alarm names nobody. `forewarn roster set --line \"Duty desk=+00 000\"` fills it.\n".to_owned();
    }
    let mut table = Table::new(&[">call", "who", "by voice"]);
    for (n, line) in (1..).zip(said.items()) {
        let n: u64 = n;
        table.row([n.to_string().into(), line.at("name").line().into(), line.at("phone").line().into()]);
    }
    table.show(look)
}

/// A stretch of the audit trail.
pub(crate) fn trail(said: Said<'_>, look: &Look) -> String {
    if !said.has_parts() {
        return "No line of the trail stands there. `forewarn audit --from 0` begins at the first.\n"
            .to_owned();
    }
    let mut table = Table::new(&[">line", "at", "who", "act", "about", "marks"]);
    for line in said.items() {
        let marks = line.at("marks").joined(", ");
        table.row([
            line.at("seq").line().into(),
            line.at("at").time().map(times::exact).unwrap_or_default().into(),
            line.at("who").line().into(),
            line.at("act").line().into(),
            line.at("about").line().into(),
            cell(if marks.is_empty() { Ink::Plain } else { Ink::Due }, marks),
        ]);
        if line.at("detail").has_parts() {
            let detail = line.at("detail").value().map(json_line).unwrap_or_default();
            table.below(cell(Ink::Quiet, detail));
        }
    }
    table.show(look)
}

/// Who watches over the audit trail.
pub(crate) fn watched(said: Said<'_>, look: &Look) -> String {
    let now = said.at("now").time().unwrap_or(look.now);
    let since = |at: Said<'_>| at.time().map(|t| times::away(t, now)).unwrap_or_default();
    let mut out = format!("The audit trail has {} lines.\n", said.at("lines").line());
    let key = said.at("key");
    if key.is_nothing() {
        out.push_str(&look.ink(Ink::Due, "Nobody watches over it: no key of oversight's is in force"));
        return out + "\n  on oversight's machine: forewarn oversight key FILE --name NAME\n";
    }
    out.push_str(&format!(
        "Watched over with {}\n  appointed by {}, {}\n",
        key.at("key").line(),
        key.at("by").line(),
        since(key.at("at"))
    ));
    let cosigned = said.at("cosigned");
    match cosigned.is_nothing() {
        true => out.push_str(&look.ink(Ink::Due, "It was never cosigned")),
        false => out.push_str(&format!(
            "Cosigned up to line {}, {}, by oversight's clock",
            cosigned.at("lines").line(),
            since(cosigned.at("at"))
        )),
    }
    out + &format!("\nThe trail is signed with {}\n", said.at("trail_key").line())
}

/// What a check of the whole trail found.
pub(crate) fn trail_check(said: Said<'_>, look: &Look) -> String {
    let (lines, root) = (said.at("lines").line(), said.at("root").line());
    if said.at("sound").yes() {
        return format!("Sound: {lines} lines give the root {root}, as far as this node alone can tell.\n");
    }
    let mut out = look.ink(Ink::Alarm, "CHANGED: the trail is not as it was written") + "\n";
    for fault in said.at("faults").items() {
        out.push_str(&format!("  {}\n", fault.line()));
    }
    out + &format!("{lines} lines, root {root}\nKeep a copy of the data folder and call oversight.\n")
}
