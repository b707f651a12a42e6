//! The figures as a page in the text format that Prometheus reads (version 0.0.4). Labels hold names of partners and words
//! of the program, and nothing else.

use std::fmt::Write;
use std::time::Duration;

use exchange::tally::{BOUNDS_MS, Durations};
use exchange::view::figures::{Figures, LogFigures, PartnerFigures};

/// The media type of the page.
pub(super) const MEDIA: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A label and its value.
type Label<'a> = (&'a str, &'a str);

/// A page that is being written.
struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing into a string cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[Label<'_>], value: impl std::fmt::Display) {
        self.0.push_str(name);
        if !labels.is_empty() {
            let said: Vec<String> =
                labels.iter().map(|(label, value)| format!("{label}=\"{}\"", escaped(value))).collect();
            let _ = write!(self.0, "{{{}}}", said.join(","));
        }
        let _ = writeln!(self.0, " {value}");
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: impl std::fmt::Display) {
        self.family(name, kind, help);
        self.sample(name, &[], value);
    }

    fn durations(&mut self, name: &str, labels: &[Label<'_>], durations: &Durations) {
        let mut up_to = 0;
        for (bound, held) in BOUNDS_MS.iter().zip(durations.classes) {
            up_to += held;
            let bound = seconds(Duration::from_millis(*bound));
            self.sample(&format!("{name}_bucket"), &[labels, &[("le", bound.as_str())]].concat(), up_to);
        }
        self.sample(&format!("{name}_bucket"), &[labels, &[("le", "+Inf")]].concat(), durations.count);
        self.sample(&format!("{name}_sum"), labels, seconds(durations.sum));
        self.sample(&format!("{name}_count"), labels, durations.count);
    }
}

fn seconds(duration: Duration) -> String {
    duration.as_secs_f64().to_string()
}

/// A label's value, as the format wants it.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// The page. `uptime` is the time since the node started.
pub(super) fn page(figures: &Figures, uptime: Duration) -> String {
    let mut page = Page(String::new());
    page.family("forewarn_build_info", "gauge", "The program that runs; always 1.");
    page.sample("forewarn_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
    page.one("forewarn_uptime_seconds", "gauge", "Since the node started.", seconds(uptime));
    of_acts(&mut page, figures);
    of_attention(&mut page, figures);
    of_partners(&mut page, &figures.partners);
    of_logs(&mut page, &figures.logs);
    of_budgets(&mut page, figures);
    of_files(&mut page, figures);
    page.0
}

fn of_acts(page: &mut Page, figures: &Figures) {
    let counts = &figures.counts;
    let name = "forewarn_act_duration_seconds";
    page.family(name, "histogram", "How long acts on the control socket took, refused ones included.");
    for (act, durations) in &counts.acts {
        page.durations(name, &[("act", act)], durations);
    }
    let name = "forewarn_act_refusals_total";
    page.family(name, "counter", "Acts that were refused, by the word of the refusal.");
    for (code, count) in &counts.refusals {
        page.sample(name, &[("code", code)], count);
    }
    let name = "forewarn_partner_requests_total";
    page.family(
        name,
        "counter",
        "Requests on the peer door, strangers' included, by what was asked and answered.",
    );
    for ((what, status), count) in &counts.partner_requests {
        page.sample(name, &[("what", what), ("status", &status.to_string())], count);
    }
    let name = "forewarn_delivery_rounds_total";
    page.family(name, "counter", "Rounds of delivery to partners, by how they ended.");
    for (ended, count) in &counts.deliveries {
        page.sample(name, &[("ended", ended)], count);
    }
    let name = "forewarn_commit_duration_seconds";
    page.family(name, "histogram", "How long it took to make a group of acts durable.");
    page.durations(name, &[], &counts.commits);
    page.one("forewarn_acts_durable_total", "counter", "Acts that were made durable.", counts.acts_durable);
    let help = "Groups of acts that could not be made durable, and were undone.";
    page.one("forewarn_commits_failed_total", "counter", help, counts.commits_failed);
}

fn of_attention(page: &mut Page, figures: &Figures) {
    let (running, overdue) = figures.counts.clocks;
    page.one("forewarn_clocks_running", "gauge", "Clocks that run, at the last look.", running);
    page.one("forewarn_clocks_overdue", "gauge", "Clocks that have run out, at the last look.", overdue);
    let unsure = u8::from(figures.clock_is_unsure);
    page.one("forewarn_clock_unsure", "gauge", "1 while the clock waits to be confirmed.", unsure);
    let help = "Notices that wait for the notify hook.";
    page.one("forewarn_alarms_waiting", "gauge", help, figures.notices_waiting);
    let help = "Notices that the notify hook never took.";
    page.one("forewarn_alarms_given_up", "gauge", help, figures.notices_given_up);
    let help = "Proposals that wait for a second person.";
    page.one("forewarn_proposals_waiting", "gauge", help, figures.proposals_waiting);
}

fn of_partners(page: &mut Page, partners: &[PartnerFigures]) {
    type Value = fn(&PartnerFigures) -> Option<i64>;
    let families: [(&str, &str, Value); 7] = [
        ("forewarn_partner_confirmed", "1 if the partner's words were compared.", |p| {
            Some(i64::from(p.is_confirmed))
        }),
        ("forewarn_partner_trouble", "1 while something stands in the way of delivery.", |p| {
            Some(i64::from(p.is_in_trouble))
        }),
        ("forewarn_partner_heard_timestamp_seconds", "When the partner last called or answered.", |p| {
            p.heard_at.map(|heard| heard.as_second())
        }),
        ("forewarn_partner_silent", "1 if the partner was silent for longer than it may be.", |p| {
            Some(i64::from(p.is_silent))
        }),
        ("forewarn_partner_silence_limit_seconds", "For how long the partner may be silent.", |p| {
            i64::try_from(p.silence_seconds).ok()
        }),
        ("forewarn_outbox_entries", "Entries that wait to be sent.", |p| i64::try_from(p.waiting).ok()),
        ("forewarn_outbox_oldest_seconds", "For how long the oldest of them waits; 0 if none does.", |p| {
            i64::try_from(p.waiting_seconds).ok()
        }),
    ];
    for (name, help, value) in families {
        page.family(name, "gauge", help);
        for partner in partners {
            if let Some(value) = value(partner) {
                page.sample(name, &[("partner", &partner.name)], value);
            }
        }
    }
}

fn of_logs(page: &mut Page, logs: &[LogFigures]) {
    type Value = fn(&LogFigures) -> u64;
    let families: [(&str, &str, Value); 4] = [
        ("forewarn_log_entries", "Entries of the log: given (ours) or taken (theirs).", |l| l.size),
        ("forewarn_log_receipted_entries", "Entries of the log that a receipt covers.", |l| l.receipted),
        ("forewarn_log_frozen", "1 if the log is frozen.", |l| u64::from(l.is_frozen)),
        ("forewarn_log_recovering", "1 while the log catches up after a restore.", |l| {
            u64::from(l.is_recovering)
        }),
    ];
    for (name, help, value) in families {
        page.family(name, "gauge", help);
        for log in logs {
            let labels = [("partner", log.partner.as_str()), ("log", log.side), ("use", log.use_.as_str())];
            page.sample(name, &labels, value(log));
        }
    }
}

fn of_budgets(page: &mut Page, figures: &Figures) {
    type Value = fn(&exchange::budget::Standing) -> u64;
    let families: [(&str, &str, Value); 3] = [
        ("forewarn_budget_used", "What a partner's log costs now, of what is agreed.", |s| s.counted),
        ("forewarn_budget_agreed", "What is agreed.", |s| s.limit),
        ("forewarn_budget_passed", "1 if the budget was passed within a day.", |s| {
            u64::from(s.passed.is_some())
        }),
    ];
    for (name, help, value) in families {
        page.family(name, "gauge", help);
        for standing in &figures.budgets {
            let use_ = standing.use_.to_string();
            let labels = [
                ("partner", standing.partner.as_str()),
                ("use", use_.as_str()),
                ("budget", standing.of.word()),
            ];
            page.sample(name, &labels, value(standing));
        }
    }
}

fn of_files(page: &mut Page, figures: &Figures) {
    page.family("forewarn_database_bytes", "gauge", "Size of a database.");
    for file in &figures.files {
        page.sample("forewarn_database_bytes", &[("file", file.database)], file.bytes);
    }
    page.family("forewarn_wal_bytes", "gauge", "Size of a database's write-ahead log.");
    for file in &figures.files {
        page.sample("forewarn_wal_bytes", &[("file", file.database)], file.wal_bytes);
    }
    let (free, all) = figures.disk;
    page.one("forewarn_disk_free_bytes", "gauge", "Room on the disk with the data folder.", free);
    page.one("forewarn_disk_bytes", "gauge", "Size of that disk.", all);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_cannot_break_out_of_its_quotes() {
        let mut page = Page(String::new());
        page.sample("name", &[("label", "a\"} 1\nother{x=\"\\")], 2);
        assert_eq!(page.0, "name{label=\"a\\\"} 1\\nother{x=\\\"\\\\\"} 2\n");
    }

    #[test]
    fn the_classes_of_durations_add_up() {
        let mut page = Page(String::new());
        let durations = Durations {
            classes: [2, 0, 1, 0, 0, 0, 0, 0, 0, 0],
            count: 4,
            sum: Duration::from_millis(31_500),
        };
        page.durations("d", &[], &durations);
        for line in
            ["d_bucket{le=\"0.001\"} 2", "d_bucket{le=\"0.01\"} 3", "d_bucket{le=\"+Inf\"} 4", "d_sum 31.5"]
        {
            assert!(page.0.lines().any(|l| l == line), "{line}\n{}", page.0);
        }
    }
}
