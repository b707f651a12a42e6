//! Accounts and roles. What would give one person the power of two waits for a second person.

use api::input::{Nothing, PersonOnly, PersonRoles};
use clap::{Args, Subcommand};
use model::vocab::Role;

use super::desk::{Desk, Shown};
use super::failure::Failure;
use super::show::people;

/// Invite people, give and take roles, shut people out
#[derive(Debug, Args)]
pub(crate) struct Person {
    #[command(subcommand)]
    act: PersonAct,
}

#[derive(Debug, Subcommand)]
enum PersonAct {
    /// Make an account and print the one-time secret that opens it
    #[command(after_help = eg!(
        "forewarn person invite release-1 --role release",
        "role operator. The roles release, operator and oversight wait for a second person once the node is set up."
    ))]
    Invite(Roles),
    /// Give a person roles
    #[command(after_help = eg!("forewarn person grant desk-1 --role liaison", "role operator."))]
    Grant(Roles),
    /// Take roles from a person
    #[command(after_help = eg!("forewarn person revoke desk-1 --role liaison", "role operator."))]
    Revoke(Roles),
    /// Shut a person out; open sessions end at once
    #[command(after_help = eg!("forewarn person disable desk-1", "role operator."))]
    Disable(Name),
    /// Give a person a one-time secret and a key anew, e.g. when the passphrase is lost
    #[command(after_help = eg!("forewarn person reset desk-1", "role operator; a second person approves."))]
    Reset(Name),
    /// List the accounts with their roles and keys
    #[command(after_help = eg!("forewarn person list", "a session."))]
    List,
}

#[derive(Debug, Args)]
struct Roles {
    /// The login name
    name: String,
    /// A role; give it again for each further one
    #[arg(long = "role", value_name = "ROLE", required = true, num_args = 1.., value_parser = word!(Role))]
    roles: Vec<Role>,
}

#[derive(Debug, Args)]
struct Name {
    /// The login name
    name: String,
}

impl From<Roles> for PersonRoles {
    fn from(Roles { name, roles }: Roles) -> Self {
        Self { name, roles }
    }
}

impl From<Name> for PersonOnly {
    fn from(Name { name }: Name) -> Self {
        Self { name }
    }
}

impl Person {
    pub(crate) fn run(self, desk: &Desk) -> Result<Shown, Failure> {
        match self.act {
            PersonAct::Invite(i) => desk.show("/v1/person/invite", &PersonRoles::from(i), people::invited),
            PersonAct::Grant(i) => desk.show("/v1/person/grant", &PersonRoles::from(i), people::granted),
            PersonAct::Revoke(i) => desk.show("/v1/person/revoke", &PersonRoles::from(i), people::settled),
            PersonAct::Disable(i) => desk.show("/v1/person/disable", &PersonOnly::from(i), people::settled),
            PersonAct::Reset(i) => desk.show("/v1/person/reset", &PersonOnly::from(i), people::settled),
            PersonAct::List => desk.show("/v1/person/list", &Nothing {}, people::list),
        }
    }
}
