//! How things are carried to a partner, and the files that go without a line.

use exchange::carriage::{self, CarriedFile, End, Settled};
use exchange::refusal::Refusal;
use serde_json::{Value, json};

use crate::input;
use crate::routes::{Call, done, party};

type Answer = Result<Value, Refusal>;

pub(crate) fn set(c: &mut Call, i: input::PartnerCarriage) -> Answer {
    done(carriage::set(&c.house, &c.person, &party(&i.partner)?, i.carriage, c.now)?)
}

fn file(file: &CarriedFile) -> Value {
    json!({ "name": file.name, "what": file.what, "bytes": file.base64() })
}

/// One piece of a packing, and where it goes on.
pub(crate) fn pack(c: &mut Call, i: input::Pack) -> Answer {
    let place = i.place.as_deref().map(str::parse).transpose()?;
    let to = party(&i.partner)?;
    if let Some(entry) = i.from.filter(|_| place.is_none()) {
        carriage::pack_from(&c.house, &c.person, &to, entry)?;
    }
    let packed = carriage::pack(&c.house, &c.person, &to, place, c.now, &mut c.rng)?;
    Ok(json!({
        "file": packed.file.as_ref().map(file), "next": packed.next.map(|place| place.to_string()),
    }))
}

pub(crate) fn open(c: &mut Call, sealed: &[u8]) -> Answer {
    let opened = carriage::open(&c.house, &c.person, sealed, c.now, &mut c.rng)?;
    Ok(json!({
        "from": opened.from.to_string(), "what": opened.what, "fits": opened.end != End::DoesNotFit,
        "file": file(&opened.answer),
    }))
}

pub(crate) fn settle(c: &mut Call, sealed: &[u8]) -> Answer {
    let Settled { from, what } = carriage::settle(&c.house, &c.person, sealed, c.now, &mut c.rng)?;
    Ok(json!({ "from": from.to_string(), "what": what }))
}

pub(crate) fn receipt(c: &mut Call, i: input::CarryReceipt) -> Answer {
    let files = carriage::newest(&c.house, &c.person, &party(&i.partner)?, i.from, c.now)?;
    Ok(json!({ "files": files.iter().map(file).collect::<Vec<_>>() }))
}
