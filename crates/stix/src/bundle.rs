//! The bundle: objects in canonical order, each id once, every reference inside (docs/rules.md I-04).

use crate::canonical::write_all;
use crate::error::StixError;
use crate::id::StixId;
use crate::object::{Object, write_id};

/// A bundle (STIX 2.1 §8) whose references all resolve in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    id: StixId,
    /// By their ids, each once.
    objects: Vec<Object>,
}

impl Bundle {
    /// Takes the objects, in any order.
    ///
    /// # Errors
    /// [`StixError::Empty`] without objects, [`StixError::ObjectTwice`], [`StixError::Dangling`]: a reference that leads
    /// out of the bundle says that something was left out.
    pub fn new(id: StixId, mut objects: Vec<Object>) -> Result<Self, StixError> {
        crate::object::of_type("id", "bundle", &id)?;
        if objects.is_empty() {
            return Err(StixError::Empty { place: "objects".to_owned() });
        }
        objects.sort_unstable_by(|one, other| one.id().cmp(other.id()));
        if let Some(twice) = objects.windows(2).find_map(|pair| match pair {
            [one, other] if one.id() == other.id() => Some(one.id()),
            _ => None,
        }) {
            return Err(StixError::ObjectTwice { id: twice.clone() });
        }
        let inside = |to: &StixId| objects.binary_search_by(|object| object.id().cmp(to)).is_ok();
        let mut refs = objects.iter().flat_map(|o| o.refs().iter().map(move |to| (o.id(), to)));
        if let Some((from, to)) = refs.find(|(_, to)| !inside(to)) {
            return Err(StixError::Dangling { from: from.clone(), to: to.clone() });
        }
        Ok(Self { id, objects })
    }

    /// The objects, by type and id.
    pub fn objects(&self) -> impl Iterator<Item = &Object> {
        self.objects.iter()
    }

    /// The canonical bytes; the objects stand in the order of type and id.
    pub fn bytes(&self) -> Vec<u8> {
        let objects = self.objects.iter().map(|o| o.text().len() + 1).sum::<usize>();
        let mut out = String::with_capacity(objects + 128);
        out.push_str("{\"id\":");
        write_id(&self.id, &mut out);
        out.push_str(",\"objects\":");
        write_all(self.objects.iter(), ['[', ']'], &mut out, |object, out| out.push_str(object.text()));
        out.push_str(",\"type\":\"bundle\"}");
        out.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marking;
    use crate::time::StixTime;

    fn statement(n: u8, by: Option<StixId>) -> Object {
        let at = StixTime::new("2026-12-10T12:00:00Z".parse().unwrap()).unwrap();
        let id = StixId::make("marking-definition", [n; 16]).unwrap();
        marking::statement(&id, at, by.as_ref(), "Words.".to_owned()).unwrap()
    }

    #[test]
    fn equal_content_is_identical_bytes_in_whatever_order_it_comes() {
        let id = StixId::make("bundle", [0; 16]).unwrap();
        let one = Bundle::new(id.clone(), vec![statement(1, None), statement(2, None)]).unwrap();
        let two = Bundle::new(id.clone(), vec![statement(2, None), statement(1, None)]).unwrap();
        assert_eq!(one.bytes(), two.bytes());
        assert!(one.bytes().starts_with(b"{\"id\":\"bundle--"));
        assert!(Bundle::new(id.clone(), vec![statement(1, None), statement(1, None)]).is_err());
        assert!(Bundle::new(id, Vec::new()).is_err());
    }

    #[test]
    fn a_reference_that_leads_out_of_the_bundle_is_refused() {
        let id = StixId::make("bundle", [0; 16]).unwrap();
        let by = StixId::make("identity", [3; 16]).unwrap();
        let refused = Bundle::new(id, vec![statement(1, Some(by.clone()))]).unwrap_err();
        assert!(matches!(refused, StixError::Dangling { to, .. } if to == by));
    }
}
