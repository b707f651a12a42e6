//! Reading what others wrote, without loss: a text is split into its objects, and each is kept as it was received.
//!
//! Nothing is built of it and nothing is written again: an object is a slice of the text with a tape of places
//! ([`Value`]), from which the header, the markings and single properties are read when they are asked for.
//!
//! Read first `split` (what a text may be), then `object`.

mod canonical;
mod fault;
mod header;
mod ident;
mod instant;
mod marks;
mod object;
mod observable_id;
mod scan;
mod split;
mod stream;
mod tape;
mod view;

pub use fault::{Fault, FaultCode, Limits};
pub use header::{Header, Ref, Unread};
pub use ident::Id;
pub use instant::Instant;
pub use marks::{Granular, Marking, Markings, Selector, Tlp};
pub use object::RawObject;
pub use observable_id::{NAMESPACE, contributing, observable_id};
pub use split::{Piece, Split, Wrapper};
pub use stream::BundleReader;
pub use tape::{Items, Members, Shape, Value};
pub use view::{Indicator, MarkingDefinition, Relationship, Sighting};
