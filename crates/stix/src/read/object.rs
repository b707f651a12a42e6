//! One object as it was received.

use sha2::{Digest, Sha256};

use super::canonical;
use super::fault::{Fault, FaultCode, Limits};
use super::header::{Header, Unread};
use super::marks::Markings;
use super::scan::{Outermost, Scanner, blank, fault};
use super::tape::Value;

/// An object: its bytes as they were received, with the tape of what stands where.
#[derive(Debug, Clone, Copy)]
pub struct RawObject<'a> {
    text: &'a str,
    root: Value<'a>,
    at: u64,
}

impl<'a> RawObject<'a> {
    pub(crate) fn new(text: &'a str, root: Value<'a>, at: u64) -> Self {
        Self { text, root, at }
    }

    /// Its bytes as they were received, from brace to brace.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// The byte of the whole text where it begins.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// The object as a value.
    pub fn root(&self) -> Value<'a> {
        self.root
    }

    /// The property of this name.
    pub fn property(&self, name: &str) -> Option<Value<'a>> {
        self.root.member(name)
    }

    /// What a store needs to know of it.
    ///
    /// # Errors
    /// [`Unread`] names the property that stands in the way.
    pub fn header(&self) -> Result<Header<'a>, Unread> {
        Header::of(self.root)
    }

    /// The markings that hold for it and for parts of it.
    ///
    /// # Errors
    /// [`Unread`]: a marking that cannot be read closes the object to everybody but who sent it.
    pub fn markings(&self) -> Result<Markings<'a>, Unread> {
        Markings::of(self.root)
    }

    /// The SHA-256 of its bytes as they were received.
    pub fn sha256(&self) -> [u8; 32] {
        Sha256::digest(self.text.as_bytes()).into()
    }

    /// The SHA-256 of its canonical form (RFC 8785): equal for two spellings of the same object, whatever the order of
    /// its properties. It costs a rewriting of the whole and is wanted where two objects have one id.
    pub fn canonical_sha256(&self) -> [u8; 32] {
        Sha256::digest(canonical::of(self.root).as_bytes()).into()
    }

    /// Its canonical form (RFC 8785).
    pub fn canonical(&self) -> String {
        canonical::of(self.root)
    }

    /// Reads a text that is one object and nothing else, and hands it to `with`.
    ///
    /// # Errors
    /// [`Fault`], with the byte where the text breaks or what is not allowed stands.
    pub fn read<T>(
        text: &'a str,
        limits: &Limits,
        with: impl FnOnce(RawObject<'_>) -> T,
    ) -> Result<T, Fault> {
        let bytes = text.as_bytes();
        let from = blank(bytes, 0);
        if text.len() > limits.object_bytes_max {
            return Err(Fault { code: FaultCode::ObjectTooLong, at: 0 });
        }
        let mut scanner = Scanner::default();
        let end =
            scanner.value(bytes, from, Outermost::IsItem, limits).map_err(|stop| fault(stop, bytes, 0))?;
        let behind = blank(bytes, end);
        if behind < bytes.len() {
            return Err(Fault { code: FaultCode::MoreText, at: behind as u64 });
        }
        if let Some((code, at)) = scanner.refused() {
            return Err(Fault { code, at: at as u64 });
        }
        let none = Fault { code: FaultCode::NotAnObject, at: from as u64 };
        let text = text.get(from..end).filter(|text| text.starts_with('{')).ok_or(none)?;
        let root = Value::root(text, scanner.nodes()).ok_or(none)?;
        Ok(with(RawObject::new(text, root, from as u64)))
    }
}
