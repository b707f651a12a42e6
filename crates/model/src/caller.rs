//! Who is calling: made by the gate, trusted by the acts.

use std::collections::BTreeSet;

use crate::id::{PartyName, PersonName};
use crate::vocab::Role;

/// A person of this node with the roles they hold right now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The login name.
    pub name: PersonName,
    /// The roles held.
    pub roles: BTreeSet<Role>,
}

impl Person {
    /// Whether the person holds the role.
    pub fn holds(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
}

/// A confirmed partner's node, known by its pinned key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partner {
    /// The partner's name.
    pub name: PartyName,
}
