//! The node that a command speaks to: its folder, its login, how things are shown; and how a shortened name of a
//! partner becomes the whole one.

use api::input::Nothing;
use serde::Serialize;
use serde_json::Value;

use super::answer::{Answer, Said};
use super::call;
use super::failure::Failure;
use super::session::SessionFile;
use super::surroundings::Surroundings;
use crate::data_dir::DataDir;
use crate::say::Look;

/// Where a command is given.
#[derive(Debug)]
pub(crate) struct Desk {
    /// The data folder of the node.
    pub(crate) dir: DataDir,
    /// The file of the login.
    pub(crate) session: SessionFile,
    /// How things are shown.
    pub(crate) look: Look,
    /// What the command was started in.
    pub(crate) surroundings: Surroundings,
}

/// What a command shows: a text for people, JSON for machines.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    /// The text. Made of constants and of what `Said` gave out.
    pub(crate) text: String,
    /// The JSON.
    pub(crate) json: Value,
    /// False if what was asked about is not as it should be.
    pub(crate) sound: bool,
}

impl Shown {
    /// An answer with the text for it.
    pub(crate) fn of(answer: Answer, text: impl Into<String>) -> Self {
        Self { text: text.into(), json: answer.0, sound: true }
    }
}

impl Desk {
    /// Calls the node, as whoever is logged in here.
    pub(crate) fn ask(&self, path: &str, body: &impl Serialize) -> Result<Answer, Failure> {
        let token = self.session.token()?;
        call::call(&self.dir, token.as_deref().map(String::as_str), path, body)
    }

    /// Calls the node and shows the answer.
    pub(crate) fn show(
        &self,
        path: &str,
        body: &impl Serialize,
        show: impl FnOnce(Said<'_>, &Look) -> String,
    ) -> Result<Shown, Failure> {
        let answer = self.ask(path, body)?;
        let text = show(answer.said(), &self.look);
        Ok(Shown::of(answer, text))
    }

    /// Calls the node for an act that has nothing more to say than that it is done.
    pub(crate) fn done(&self, path: &str, body: &impl Serialize, text: &str) -> Result<Shown, Failure> {
        Ok(Shown::of(self.ask(path, body)?, text))
    }

    /// Brings the node a file, as whoever is logged in here.
    pub(crate) fn bring(&self, path: &str, file: Vec<u8>) -> Result<Answer, Failure> {
        let token = self.session.token()?;
        call::bring(&self.dir, token.as_deref().map(String::as_str), path, file)
    }

    /// Calls the node without a login.
    pub(crate) fn ask_as_nobody(&self, path: &str, body: &impl Serialize) -> Result<Answer, Failure> {
        call::call(&self.dir, None, path, body)
    }

    /// The whole name of a partner. Only a name without a dot is looked up; it may be the first label of the name.
    pub(crate) fn partner(&self, given: &str) -> Result<String, Failure> {
        if given.contains('.') {
            return Ok(given.to_owned());
        }
        let partners = self.ask("/v1/partner/list", &Nothing {})?;
        let names: Vec<&str> = partners.said().items().map(|p| p.at("name").raw()).collect();
        whole_name(given, &names)
    }

    /// The whole name, if one is given.
    pub(crate) fn partner_if(&self, given: Option<&str>) -> Result<Option<String>, Failure> {
        given.map(|name| self.partner(name)).transpose()
    }
}

/// The name among `names` that `given` is, or is the first label of.
fn whole_name(given: &str, names: &[&str]) -> Result<String, Failure> {
    if names.contains(&given) {
        return Ok(given.to_owned());
    }
    let label = |name: &str| name.split('.').next().unwrap_or_default().to_owned();
    let fitting: Vec<&str> = names.iter().copied().filter(|name| label(name) == given).collect();
    match fitting.as_slice() {
        [one] => Ok((*one).to_owned()),
        [] => {
            let unknown = Failure::yours("unknown_partner", format!("there is no partner {given}"));
            let near = names
                .iter()
                .filter(|name| steps(&label(name), given) <= 2)
                .min_by_key(|n| steps(&label(n), given));
            Err(match near {
                Some(near) => unknown.hint(format!("did you mean {near} ?")),
                None => {
                    unknown.hint("`forewarn partner list` names them; `forewarn partner add` pins a card")
                }
            })
        }
        several => Err(Failure::yours("ambiguous_partner", format!("{given} may be more than one partner"))
            .detail(several.join(", "))
            .hint("give the whole name")),
    }
}

/// How many letters must be put in, taken out or changed to make one word of the other (Levenshtein).
fn steps(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut next = vec![i + 1];
        for ((y, above_left), above) in b.iter().zip(&row).zip(row.iter().skip(1)) {
            let left = next.last().copied().unwrap_or_default();
            next.push((above_left + usize::from(x != *y)).min(above + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: &[&str] = &["service-b.example", "service-c.example", "service-c.test", "plain"];

    #[test]
    fn a_first_label_stands_for_the_whole_name_where_there_is_one_only() {
        assert_eq!(whole_name("service-b", NAMES).unwrap(), "service-b.example");
        assert_eq!(whole_name("plain", NAMES).unwrap(), "plain");
        let two = whole_name("service-c", NAMES).unwrap_err();
        assert_eq!(two.detail.as_deref(), Some("service-c.example, service-c.test"));
    }

    #[test]
    fn a_slip_of_the_finger_is_answered_with_the_name_that_is_near() {
        let near = whole_name("servcie-b", &["service-b.example"]).unwrap_err();
        assert_eq!(near.hint.as_deref(), Some("did you mean service-b.example ?"));
        let none = whole_name("other", NAMES).unwrap_err();
        assert!(none.hint.unwrap().contains("partner list"));
        assert_eq!((steps("kitten", "sitting"), steps("", "ab"), steps("same", "same")), (3, 2, 0));
    }
}
