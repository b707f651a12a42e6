//! Reads objects from a file or another stream. Memory holds the object at hand and what was read ahead, not the file.

use std::io::{self, Read};

use super::fault::Limits;
use super::split::{Piece, Splitter, Step, piece};

/// How much is read at once, at least.
const READ_BYTES: usize = 256 << 10;

/// The objects of a stream.
#[derive(Debug)]
pub struct BundleReader<R> {
    from: R,
    /// What was read; `at` bytes of it are done with.
    buffer: Vec<u8>,
    filled: usize,
    at: usize,
    /// Where the buffer stands in the whole, and how many lines end before it.
    base: u64,
    lines: u64,
    last: bool,
    splitter: Splitter,
}

impl<R: Read> BundleReader<R> {
    /// Begins where the stream stands.
    pub fn new(from: R, limits: Limits) -> Self {
        Self {
            from,
            buffer: Vec::new(),
            filled: 0,
            at: 0,
            base: 0,
            lines: 0,
            last: false,
            splitter: Splitter::new(limits),
        }
    }

    /// What stands next; `None` at the end. What it gives is of the buffer, which the next call uses again.
    ///
    /// # Errors
    /// What the stream answers. After an error nothing more is to be asked.
    pub fn piece(&mut self) -> io::Result<Option<Piece<'_>>> {
        loop {
            let text = self.buffer.get(..self.filled).unwrap_or_default();
            match self.splitter.step(text, &mut self.at, self.base, self.last) {
                Step::On => {}
                Step::Over => return Ok(None),
                Step::More => self.fill()?,
                Step::Wrapper(wrapper) => return Ok(Some(Piece::Wrapper(wrapper))),
                Step::Refused(fault) => return Ok(Some(Piece::Refused(fault))),
                Step::Object(from, end) => {
                    let text = self.buffer.get(..self.filled).unwrap_or_default();
                    return Ok(Some(piece(text, from..end, self.splitter.nodes(), self.base)));
                }
            }
        }
    }

    /// The line, counted from 1, in which the byte stands, if it is still at hand; of the piece given last it is.
    pub fn line(&self, at: u64) -> u64 {
        let within = usize::try_from(at.saturating_sub(self.base)).unwrap_or(usize::MAX).min(self.filled);
        1 + self.lines + line_breaks(self.buffer.get(..within).unwrap_or_default())
    }

    /// Drops what is done with and reads on: at least as much as is kept, so that a long object costs no more than twice.
    fn fill(&mut self) -> io::Result<()> {
        self.lines += line_breaks(self.buffer.get(..self.at).unwrap_or_default());
        self.base += self.at as u64;
        self.buffer.copy_within(self.at..self.filled, 0);
        self.filled -= self.at;
        self.at = 0;
        let wanted = self.filled + self.filled.max(READ_BYTES);
        if self.buffer.len() < wanted {
            self.buffer.resize(wanted, 0);
        }
        while self.filled < wanted {
            match self.from.read(self.buffer.get_mut(self.filled..wanted).unwrap_or_default()) {
                Ok(0) => {
                    self.last = true;
                    return Ok(());
                }
                Ok(read) => self.filled += read,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}

fn line_breaks(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}
