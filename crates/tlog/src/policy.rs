//! The policy of a channel: whose signatures a receipt needs (C2SP tlog-policy), so that other people's tools
//! can judge our receipts. It follows from the channel statement and has one form only, without comments or
//! spare spaces.

use std::fmt;

use crate::channel::{ChannelStatement, WITNESSES_MAX};
use crate::grammar::{self, Lines, Malformed};
use crate::key::{KeyError, VerifierKey};

/// Largest policy, in bytes.
pub const POLICY_BYTES_MAX: usize = 4 * 1024;

/// Whose signatures a receipt of one channel needs. Shown as the text of the policy file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    log: VerifierKey,
    receiver: VerifierKey,
    neutral: u8,
    witnesses: Vec<VerifierKey>,
}

impl Policy {
    /// Gives the policy that follows from a channel statement.
    pub fn of(statement: &ChannelStatement) -> Self {
        let proposal = statement.proposal();
        Policy {
            log: proposal.log.clone(),
            receiver: proposal.cosigner.clone(),
            neutral: proposal.neutral,
            witnesses: proposal.witnesses.clone(),
        }
    }

    /// Reads a policy of the one form that is used here, at most 4 KiB.
    ///
    /// What this accepts, `to_string` gives back byte for byte.
    ///
    /// # Errors
    /// [`PolicyError`] for what breaks the form.
    pub fn parse(bytes: &[u8]) -> Result<Self, PolicyError> {
        if bytes.len() > POLICY_BYTES_MAX {
            return Err(PolicyError::TooLarge { bytes: bytes.len(), limit: POLICY_BYTES_MAX });
        }
        let text =
            std::str::from_utf8(bytes).map_err(|error| PolicyError::Utf8 { at: error.valid_up_to() })?;
        let mut lines = Lines::new(text);
        let log = key_line(&mut lines, "log")?;
        let receiver = key_line(&mut lines, "witness receiver")?;
        let mut policy = Policy { log, receiver, neutral: 0, witnesses: Vec::new() };
        while lines.rest().starts_with("witness ") && policy.witnesses.len() < WITNESSES_MAX {
            let label = format!("witness {}", neutral_name(policy.witnesses.len()));
            policy.witnesses.push(key_line(&mut lines, &label)?);
        }
        if !policy.witnesses.is_empty() {
            policy.neutral = lines.field("group neutral", "`group neutral <k> …`", |text| {
                let (needed, _) = text.split_once(' ')?;
                let needed = usize::try_from(grammar::number(needed)?).ok()?;
                let fits = (1..=policy.witnesses.len()).contains(&needed);
                fits.then(|| u8::try_from(needed).ok())?
            })?;
        }
        if policy.to_string() != text {
            return Err(PolicyError::Form);
        }
        Ok(policy)
    }

    /// Checks that these bytes are exactly this policy.
    ///
    /// # Errors
    /// [`PolicyError`] of [`Policy::parse`], or [`PolicyError::Other`] for a policy that says something else.
    pub fn check(&self, bytes: &[u8]) -> Result<(), PolicyError> {
        if Policy::parse(bytes)? != *self {
            return Err(PolicyError::Other);
        }
        Ok(())
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "log {}", self.log)?;
        writeln!(f, "witness receiver {}", self.receiver)?;
        if self.witnesses.is_empty() {
            return writeln!(f, "quorum receiver");
        }
        for (at, key) in self.witnesses.iter().enumerate() {
            writeln!(f, "witness {} {key}", neutral_name(at))?;
        }
        write!(f, "group neutral {}", self.neutral)?;
        for at in 0..self.witnesses.len() {
            write!(f, " {}", neutral_name(at))?;
        }
        writeln!(f, "\ngroup receipt all receiver neutral\nquorum receipt")
    }
}

/// Bytes that are not the policy of a channel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// More bytes than a policy may have.
    #[error("a policy has at most {limit} bytes, found {bytes}")]
    TooLarge {
        /// Bytes found.
        bytes: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Not UTF-8.
    #[error("a policy is UTF-8 text; byte {at} is not")]
    Utf8 {
        /// Place of the first wrong byte, from 0.
        at: usize,
    },
    /// A line is not what the format has there.
    #[error("no policy of a channel: {0}")]
    Malformed(#[from] Malformed),
    /// A key cannot be read.
    #[error("key of the policy: {0}")]
    Key(#[from] KeyError),
    /// A policy that is spelt otherwise, or whose quorum is another.
    #[error("the policy is not in the one form that channels use")]
    Form,
    /// A well-formed policy with other keys or another number of witnesses.
    #[error("the policy does not follow from the channel statement")]
    Other,
}

fn neutral_name(at: usize) -> String {
    format!("neutral{}", at + 1)
}

fn key_line(lines: &mut Lines<'_>, label: &str) -> Result<VerifierKey, PolicyError> {
    let text = lines.field(label, "`log` or `witness <name>` and a verifier key", Some)?;
    Ok(VerifierKey::parse(text)?)
}
