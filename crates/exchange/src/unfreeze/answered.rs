//! What a partner answered when it was asked for the proof that ends a freeze: judged, noted, told.

use jiff::Timestamp;
use store::{Act, ChannelRow};
use tlog::hash::Hash;
use tlog::tree::verify_consistency;

use super::{Question, Request, heads, key, request};
use crate::alarm;
use crate::audit;
use crate::evidence;
use crate::house::House;
use crate::refusal::Refusal;

/// The most characters of what is noted of an answer.
const NOTED_CHARS_MAX: usize = 400;
/// The most bytes of a proof: 63 hashes of 44 digits, each with its LF (docs/log-format.md §7).
const PROOF_BYTES_MAX: usize = 63 * 45;

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Came {
    /// The proof satisfies, and the channel carries again.
    Open,
    /// It stays frozen, for this reason.
    Frozen(String),
    /// Nobody waits for this answer any more: nothing was changed.
    Late,
}

/// Judges what a partner answered to each path of a question, or why it could not be asked, in words. Only if each step is
/// proven the freeze ends; every head that was proven binds the giver on, so that the log must grow through it. Durable when
/// it returns, with a line in the trail and a notice.
///
/// # Errors
/// The store's only.
pub fn answered(
    house: &House,
    question: &Question,
    said: Result<Vec<Vec<u8>>, String>,
    now: Timestamp,
) -> Result<Came, Refusal> {
    let question = question.clone();
    let came = house.store.act(move |act| {
        let Some(channel) = act.channel(&question.origin)? else { return Ok(Came::Late) };
        let waits = request(act, &channel)?.filter(|request| request.failed.is_none());
        let Some(asked) = waits else { return Ok(Came::Late) };
        let why = match &said {
            Err(words) => Some(words.clone()),
            Ok(_) if !heads::steps(act, &channel).is_ok_and(|steps| steps == question.steps) => {
                Some("what was signed has changed since it was asked for".to_owned())
            }
            Ok(proofs) => unproven(&question, proofs),
        };
        match why {
            None => open(act, &channel, &question, &asked, now).map(|()| Came::Open),
            Some(why) => {
                let why: String = why.chars().take(NOTED_CHARS_MAX).collect();
                stays_frozen(act, &channel, asked, &why, said.as_deref().unwrap_or_default(), now)?;
                Ok::<_, Refusal>(Came::Frozen(why))
            }
        }
    })?;
    // There is a notice to be told.
    (house.bell)();
    Ok(came)
}

/// Why these proofs do not show what they should; `None` if they do.
fn unproven(question: &Question, proofs: &[Vec<u8>]) -> Option<String> {
    if question.steps.is_empty() || proofs.len() != question.steps.len() {
        return Some("not everything that was asked was answered".to_owned());
    }
    question.steps.iter().zip(proofs).find_map(|(step, proof)| {
        let why = match nodes(proof) {
            None => "it is no list of hashes".to_owned(),
            Some(nodes) => {
                verify_consistency(step.old, &step.old_root, step.new, &step.new_root, &nodes).err()?.to_string()
            }
        };
        Some(format!(
            "the partner's proof that its {} signed entries begin with the {} that are known does not hold: {why}",
            step.new, step.old
        ))
    })
}

/// The nodes of a proof: base64, one a line (docs/log-format.md §6).
fn nodes(bytes: &[u8]) -> Option<Vec<Hash>> {
    let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() <= PROOF_BYTES_MAX)?;
    text.strip_suffix('\n')?.split('\n').map(|line| Hash::from_base64(line).ok()).collect()
}

fn open(
    act: &mut Act<'_>,
    channel: &ChannelRow,
    question: &Question,
    asked: &Request,
    now: Timestamp,
) -> Result<(), Refusal> {
    for step in &question.steps {
        evidence::bind(act, channel, step.new, &step.new_root)?;
    }
    act.unfreeze_channel(channel)?;
    if channel.recovering {
        act.recovers_again("a log that was frozen while it recovered carries again", now)?;
    }
    act.forget_meta(&key(channel))?;
    let drill = alarm::drill(channel.use_);
    alarm::line(
        act,
        &format!(
            "{drill}a freeze has ended: the partner proved what it had signed. See `forewarn channel list`"
        ),
        now,
    )?;
    let signed: Vec<u64> = question.steps.iter().map(|step| step.new).collect();
    let detail = serde_json::json!({
        "use": channel.use_.to_string(), "held": channel.size(), "proven": signed, "asked_by": asked.by,
    });
    audit::note(act, now, "node", "channel.unfreeze", channel.partner.as_str(), detail, &[])
}

fn stays_frozen(
    act: &mut Act<'_>,
    channel: &ChannelRow,
    asked: Request,
    why: &str,
    said: &[Vec<u8>],
    now: Timestamp,
) -> Result<(), Refusal> {
    let noted = Request { failed: Some(why.to_owned()), ..asked };
    act.set_meta(&key(channel), &serde_json::to_string(&noted).map_err(Refusal::ours)?)?;
    let drill = alarm::drill(channel.use_);
    let words =
        format!("{drill}a channel stays frozen: the partner gave no proof. See `forewarn channel list`");
    alarm::line(act, &words, now)?;
    let said: Vec<String> = said.iter().map(|bytes| shown(bytes)).collect();
    let said: String = said.join(" | ").chars().take(NOTED_CHARS_MAX).collect();
    let detail = serde_json::json!({
        "use": channel.use_.to_string(), "why": why, "said": said, "asked_by": noted.by,
    });
    audit::note(act, now, "node", "channel.unproven", channel.partner.as_str(), detail, &[])
}

/// What a partner said, as it may stand in a line.
fn shown(bytes: &[u8]) -> String {
    let text =
        String::from_utf8_lossy(bytes.get(..PROOF_BYTES_MAX).unwrap_or(bytes)).trim().replace('\n', " ");
    model::plain::plain_line(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nodes_of_a_proof_have_one_spelling() {
        let line = format!("{}\n", Hash::from_bytes([7; 32]));
        assert_eq!(nodes(line.as_bytes()), Some(vec![Hash::from_bytes([7; 32])]));
        assert_eq!(nodes(line.repeat(63).as_bytes()).map(|n| n.len()), Some(63));
        for wrong in [
            String::new(),
            line.trim().to_owned(),
            format!("{line}\n"),
            line.replace('\n', "\r\n"),
            format!(" {line}"),
            line.repeat(64),
            "a list of hashes\n".to_owned(),
        ] {
            assert_eq!(nodes(wrong.as_bytes()), None, "{wrong:?}");
        }
        assert_eq!(nodes(&[0xff, b'\n']), None);
    }
}
