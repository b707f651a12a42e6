//! Partners, agreements and undertakings.

use crate::say::{Ink, Look};
use crate::words::answer::Said;
use crate::words::show::table::{Table, cell, indented};
use crate::words::show::{head, times};

/// What adding a partner shows: our own words, and what to do by voice. The partner's words are never shown: they are heard.
pub(crate) fn partner_added(said: Said<'_>, look: &Look) -> String {
    let name = said.at("partner").line();
    let mut out = head(look, &format!("{name} is pinned, and not confirmed"));
    out.push_str(&format!("Its node is at {}. Nothing but cards flows yet.\n\n", said.at("address").line()));
    out.push_str(&format!(
        "By voice, now. Call its duty desk by a number that you knew before; its card says: {}\n\n",
        said.at("contact").line()
    ));
    out.push_str("1. Read these words of ours to its officer, who types what they hear:\n\n");
    let words: Vec<String> = said.at("our_words").line().split(' ').map(str::to_owned).collect();
    for (n, four) in words.chunks(4).enumerate() {
        let first = n * 4 + 1;
        let numbered: Vec<String> = (first..)
            .zip(four)
            .map(|(n, word)| format!("{n:>2} {}", look.ink(Ink::Head, &format!("{word:<10}"))))
            .collect();
        out.push_str(&format!("     {}\n", numbered.join(" ").trim_end()));
    }
    out.push_str(&format!(
        "\n2. Ask the officer to read theirs to you, and type what you hear:\n\n     forewarn partner confirm {name}\n\n\
         This node does not show their words, so that nobody can copy them off the screen.\n"
    ));
    out
}

/// Every partner, the troubled first.
pub(crate) fn partners(said: Said<'_>, look: &Look) -> String {
    if !said.has_parts() {
        return "No partner is pinned. Give yours your card (`forewarn card`), and pin theirs: `forewarn partner add FILE`.\n".to_owned();
    }
    let mut partners: Vec<Said<'_>> = said.items().collect();
    partners.sort_by_key(|p| p.at("trouble").is_nothing());
    partners.iter().map(|p| partner(*p, look)).collect::<Vec<_>>().join("\n")
}

fn partner(said: Said<'_>, look: &Look) -> String {
    let mut out = look.ink(Ink::Head, &said.at("name").line());
    if said.at("state").is("confirmed") {
        let since = said.at("confirmed_at").time().map(times::instant).unwrap_or_default();
        out.push_str(&format!(", confirmed {since}\n"));
    } else {
        out.push_str(&look.ink(Ink::Due, ", NOT CONFIRMED: nothing but cards flows"));
        out.push_str(&format!(
            "\n  compare the words by voice: forewarn partner confirm {}\n",
            said.at("name").line()
        ));
    }
    let heard = said.at("heard_at").time().map_or_else(|| "never".to_owned(), |t| times::both(t, look.now));
    out.push_str(&format!(
        "  node {} · by voice {} · heard of {heard}\n",
        said.at("address").line(),
        said.at("contact").line()
    ));
    match said.at("carriage") {
        c if c.is("fetch") => out.push_str("  carried by this node, which also fetches from it\n"),
        c if c.is("wait") => out.push_str("  this node waits for it to call and fetch\n"),
        c if c.is("file") => out.push_str("  carried by file: `forewarn carry pack`\n"),
        _ => {}
    }
    if !said.at("trouble").is_nothing() {
        out.push_str(&look.ink(Ink::Alarm, &format!("  TROUBLE: {}", said.at("trouble").line())));
        out.push('\n');
    }
    let waiting = said.at("waiting").count().unwrap_or_default();
    if waiting > 0 {
        out.push_str(&format!("  {waiting} wait in the outbox\n"));
    }
    let mut domains = Table::new(&["  domain", "state", "we say", "they say", "pilot scope"]);
    for domain in said.at("domains").items() {
        domains.row([
            format!("  {}", domain.at("domain").line()).into(),
            domain.at("state").line().into(),
            domain.at("ours").line().into(),
            domain.at("theirs").line().into(),
            domain.at("pilot_scope").joined(", ").into(),
        ]);
    }
    if domains.is_empty() {
        out.push_str("  no agreement in force: only the bare threat to life may pass\n");
    }
    out.push_str(&domains.show(look));
    let mut channels = Table::new(&["  log", "written by", "use", ">entries", ">receipted", "state"]);
    for channel in said.at("channels").items() {
        let origin = channel.at("origin").line();
        let hex: String = origin.rsplit('/').next().unwrap_or_default().chars().take(8).collect();
        let frozen = channel.at("state").is("frozen");
        let state = match frozen {
            true => cell(Ink::Alarm, format!("FROZEN: {}", channel.at("reason").line())),
            false => channel.at("state").line().into(),
        };
        channels.row([
            format!("  {hex}").into(),
            if channel.at("side").is("ours") { "us" } else { "them" }.into(),
            channel.at("channel_use").line().into(),
            channel.at("size").line().into(),
            channel.at("receipted").line().into(),
            state,
        ]);
    }
    out + &channels.show(look)
}

/// Agreements with their terms, those in force first.
pub(crate) fn agreements(said: Said<'_>, look: &Look) -> String {
    if !said.has_parts() {
        return "There is no agreement. `forewarn agreement template > agreement.json` gives a commented example; \
                `forewarn agreement propose --with PARTNER agreement.json` proposes it.\n"
            .to_owned();
    }
    let mut lines: Vec<Said<'_>> = said.items().collect();
    let rank = ["in_force", "proposed", "replaced", "refused"];
    lines.sort_by_key(|a| rank.iter().position(|state| a.at("state").is(state)));
    lines.iter().map(|a| agreement(*a, look)).collect::<Vec<_>>().join("\n")
}

fn agreement(said: Said<'_>, look: &Look) -> String {
    let (hash, with) = (said.at("hash").line(), said.at("with").line());
    let terms = said.at("terms");
    let ink = if said.at("state").is("proposed") { Ink::Due } else { Ink::Plain };
    let mut out = format!(
        "{}: {}, proposed by {}\n  {hash}\n",
        look.ink(Ink::Head, &format!("With {with}")),
        look.ink(ink, &said.at("state").words()),
        said.at("proposed_by").line()
    );
    out.push_str(&indented(&terms.at("legal_basis").line(), 2, look));
    let mut table = Table::new(&["  domain", "begins", "kinds", "persons", "naming", "time", "publicity"]);
    for (domain, t) in terms.at("domains").parts() {
        table.row([
            format!("  {domain}").into(),
            t.at("state").line().into(),
            t.at("kinds").joined(", ").into(),
            t.at("persons").line().into(),
            t.at("naming").line().into(),
            t.at("time").line().into(),
            t.at("publicity").line().into(),
        ]);
        let purposes = t.at("purposes").joined(", ");
        table.below(cell(
            Ink::Quiet,
            format!("to {purposes}; kept {} days at most", t.at("retention_days").line()),
        ));
        if t.at("assurances").has_parts() {
            table.below(cell(Ink::Quiet, format!("assured: {}", t.at("assurances").joined("; "))));
        }
    }
    out.push_str(&table.show(look));
    out.push_str(if terms.at("life_exception").yes() {
        "  life exception: the bare threat to life may be passed on, with notice at once\n"
    } else {
        "  the life exception is struck out: call the giver before passing on a threat to life\n"
    });
    if let Some(until) = terms.at("until").time() {
        out.push_str(&format!("  ends {}\n", times::both(until, look.now)));
    }
    if said.at("state").is("proposed") {
        let short: String = hash.chars().take(8).collect();
        out.push_str(&format!("  if {with} proposed it: forewarn agreement accept --with {with} {short}\n"));
    }
    out
}

/// Undertakings, both ways.
pub(crate) fn undertakings(said: Said<'_>, look: &Look) -> String {
    if !said.has_parts() {
        return "Nothing was promised, either way. `forewarn undertaking declare --to PARTNER --domain DOMAIN --text \"…\"` \
                promises.\n"
            .to_owned();
    }
    let mut table = Table::new(&["entry", "by", "to", "domain", "until", ""]);
    for u in said.items() {
        let promise = u.at("said");
        let until = promise.at("until").time().map(times::instant);
        let accepted = if u.at("accepted").yes() {
            cell(Ink::Plain, "accepted")
        } else {
            cell(Ink::Due, "not accepted")
        };
        table.row([
            u.at("entry").line().into(),
            u.at("by").line().into(),
            u.at("to").line().into(),
            promise.at("domain").line().into(),
            until.unwrap_or_default().into(),
            accepted,
        ]);
        let text = promise.at("text").line();
        table.below(if text.is_empty() {
            "(its text cannot be read or was erased)".into()
        } else {
            text.into()
        });
        let mut about: Vec<String> = promise
            .at("protected")
            .items()
            .map(|pair| format!("{} {}", pair.nth(0).words(), pair.nth(1).line()))
            .collect();
        if promise.at("harm").has_parts() {
            about.push(promise.at("harm").joined_words());
        }
        if !about.is_empty() {
            table.below(cell(Ink::Quiet, about.join(" · ")));
        }
    }
    table.show(look)
        + "\nA warning that keeps one of ours names it: `forewarn warning write FILE --under ENTRY`.\n"
}
