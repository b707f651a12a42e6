//! New keys that a receiver does not sign, where the giver does not call it (log-format §6): it says so in a text of its
//! own, so that the log goes on with the old keys and no warning waits for them (S11).

use jiff::Timestamp;
use model::caller::Partner;
use model::id::PartyName;
use model::plain::plain_line;
use store::{ChannelSide, View};
use tlog::channel::{Origin, SignedProposal};

use crate::channel::{self, STATEMENT_BYTES_MAX};
use crate::house::House;
use crate::refusal::{Refusal, Whose};
use crate::rotation;

/// How such a text begins.
pub const LABEL: &str = "forewarn/declined/v1\n";
/// The longest reason, in characters.
const WHY_CHARS_MAX: usize = 200;

/// The answer to a channel statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answered {
    /// The statement with both signatures.
    Signed(String),
    /// The text that says that the new keys are refused, and why.
    Declined {
        /// For the giver.
        text: String,
        /// The reason in it.
        why: String,
    },
    /// There is another channel of this direction and use: its statement, with both signatures. The giver has lost it.
    Known(String),
}

/// Countersigns a partner's channel statement as `channel::accept`, says to the partner that its new keys are refused, or
/// gives the statement of the channel that there is already, for a giver that has lost it.
///
/// # Errors
/// Those of `channel::accept`, where the statement opens a channel, or this node is at fault.
pub fn sign_or_decline(
    house: &House,
    from: &Partner,
    statement: &[u8],
    now: Timestamp,
) -> Result<Answered, Refusal> {
    let refusal = match channel::accept(house, from, statement, now) {
        Ok(text) => return Ok(Answered::Signed(text)),
        Err(refusal) => refusal,
    };
    if refusal.code == channel::OTHER_CHANNEL
        && let Some(statement) = refusal.detail
    {
        return Ok(Answered::Known(statement));
    }
    match SignedProposal::parse(statement) {
        Ok(proposal) if proposal.proposal().from > 0 && refusal.whose == Whose::Theirs => {
            let declined = Declined { why: plain_why(&refusal.fact), proposal };
            Ok(Answered::Declined { text: declined.encode(), why: declined.why })
        }
        _ => Err(refusal),
    }
}

/// Takes the word of a partner that it refuses new keys of our log to it: they are dropped, the old ones stay, and people
/// are told. False where nothing of the kind waits for it; again changes nothing.
///
/// # Errors
/// `bad_statement` for what is no such text.
pub fn take(house: &House, from: &PartyName, text: &[u8], now: Timestamp) -> Result<bool, Refusal> {
    let declined = Declined::parse(text).ok_or_else(unreadable)?;
    let use_ = declined.proposal.proposal().use_;
    if !house.store.view(|view| waits(view, from, &declined))? {
        return Ok(false);
    }
    rotation::declined(house, from, use_, &declined.why, now)
}

/// The log that such a text is about.
pub(crate) fn about(text: &[u8]) -> Result<Origin, Refusal> {
    let declined = Declined::parse(text);
    declined.map(|d| d.proposal.proposal().origin()).ok_or_else(unreadable)
}

fn unreadable() -> Refusal {
    Refusal::theirs("bad_statement", "this does not say which new keys are refused")
}

fn waits(view: &View<'_>, from: &PartyName, declined: &Declined) -> Result<bool, Refusal> {
    let ours = view.channel(&declined.proposal.proposal().origin())?;
    let ours = ours.filter(|c| c.partner == *from && c.side == ChannelSide::Ours && !c.is_succeeded());
    let Some(channel) = ours else { return Ok(false) };
    let proposed = view.statement_proposed(&channel)?;
    Ok(proposed.is_some_and(|row| row.text == declined.proposal.to_string()))
}

fn plain_why(text: &str) -> String {
    plain_line(text).trim().chars().take(WHY_CHARS_MAX).collect()
}

/// That a statement is refused: the label, the reason in a line, an empty line, and the statement as it was proposed.
#[derive(Debug)]
struct Declined {
    why: String,
    proposal: SignedProposal,
}

impl Declined {
    fn encode(&self) -> String {
        format!("{LABEL}{}\n\n{}", self.why, self.proposal)
    }

    /// Reads the text; what this accepts, `encode` gives back byte for byte. The giver's signature is verified.
    fn parse(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > STATEMENT_BYTES_MAX + 4 * WHY_CHARS_MAX {
            return None;
        }
        let text = std::str::from_utf8(bytes).ok()?;
        let (why, proposal) = text.strip_prefix(LABEL)?.split_once("\n\n")?;
        let proposal = SignedProposal::parse(proposal.as_bytes()).ok()?;
        let declined = Self { why: plain_why(why), proposal };
        (declined.encode() == text).then_some(declined)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tlog::channel::{ChannelProposal, Use};
    use tlog::key::{KeyKind, SigningKey};

    use super::*;

    fn declined() -> String {
        let key = |name: &str, kind, seed| SigningKey::from_seed(name, kind, [seed; 32]).unwrap();
        let giver = key("service-a.example", KeyKind::Ed25519, 1);
        let receiver = key("service-b.example", KeyKind::Ed25519, 2);
        let cosigner = key("service-b.example/cosigner", KeyKind::CosignatureV1, 3);
        let nonce = [7; 32];
        let origin = tlog::channel::origin_of(Use::Actual, giver.verifier(), receiver.verifier(), &nonce);
        let log = key(&origin.to_string(), KeyKind::Ed25519, 4);
        let proposal = ChannelProposal {
            use_: Use::Actual,
            giver: giver.verifier().clone(),
            receiver: receiver.verifier().clone(),
            nonce,
            after: None,
            from: 9,
            log: log.verifier().clone(),
            cosigner: cosigner.verifier().clone(),
            neutral: 0,
            witnesses: Vec::new(),
        };
        let proposal = proposal.sign_as_giver(&giver).unwrap();
        Declined { why: "the cosigner is not ours".to_owned(), proposal }.encode()
    }

    #[test]
    fn a_refusal_names_the_statement_and_a_reason_in_one_line() {
        let read = Declined::parse(declined().as_bytes()).unwrap();
        assert_eq!((read.why.as_str(), read.proposal.proposal().from), ("the cosigner is not ours", 9));
        assert!(Declined::parse(declined().replace("the cosigner", "the\ncosigner").as_bytes()).is_none());
        assert!(Declined::parse(declined().replace("the cosigner", " the cosigner").as_bytes()).is_none());
    }

    proptest! {
        #[test]
        fn what_is_accepted_is_given_back_byte_for_byte(at in 0_usize..1_000, to in any::<u8>()) {
            let mut bytes = declined().into_bytes();
            let at = at % bytes.len();
            bytes[at] = to;
            if let Some(read) = Declined::parse(&bytes) {
                prop_assert_eq!(read.encode().into_bytes(), bytes);
            }
        }
    }
}
