//! The named steps of a commit, each of which can be made to fail: so that it is known, and not hoped, what a failing
//! disk or a crash at that step leaves behind.

use std::fmt;
use std::sync::Arc;

use crate::error::StoreError;

/// A step of a commit, in the order in which they are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Nothing of the group is durable.
    BeforeCommit,
    /// The keys of new texts are durable, the texts are not.
    BetweenFiles,
    /// The acts are durable, the high-water mark over what they fenced is not.
    BeforeMark,
    /// Everything is durable, and nobody was answered.
    BeforeAnswer,
}

impl Step {
    /// Every step.
    pub const ALL: &[Self] = &[Self::BeforeCommit, Self::BetweenFiles, Self::BeforeMark, Self::BeforeAnswer];
}

/// What is asked at each step whether it is to fail. By default nothing does.
#[derive(Clone, Default)]
pub struct Faults(Option<Arc<dyn Fn(Step) -> bool + Send + Sync>>);

impl Faults {
    /// Fails the steps for which `strikes` says so. It is asked on the writer's thread.
    pub fn where_(strikes: impl Fn(Step) -> bool + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(strikes)))
    }

    pub(crate) fn at(&self, step: Step) -> Result<(), StoreError> {
        let fails = self.0.as_ref().is_some_and(|strikes| strikes(step));
        match step {
            _ if !fails => Ok(()),
            Step::BeforeMark => Err(StoreError::Unmarked("made to fail".to_owned())),
            step => Err(StoreError::Io(format!("made to fail: {step:?}"))),
        }
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Faults(some)" } else { "Faults(none)" })
    }
}
