//! What a command reads besides its words: files, standard input, secrets. Everything has a limit.

use std::fs::File;
use std::io::{self, BufReader, IsTerminal, Read};
use std::path::Path;

use zeroize::Zeroizing;

use super::failure::Failure;
use crate::say;

/// The most bytes of a file that is sent to the node.
const FILE_BYTES_MAX: u64 = 768 * 1024;

/// The text of a file, or of standard input for `-`.
pub(crate) fn text(file: &Path) -> Result<String, Failure> {
    let read =
        if file == Path::new("-") { limited(io::stdin().lock()) } else { File::open(file).and_then(limited) };
    read.map_err(|e| match e.kind() {
        io::ErrorKind::InvalidData => {
            Failure::yours("bad_file", format!("{} cannot be read", file.display())).detail(e.to_string())
        }
        _ => Failure::file(file, &e),
    })
}

fn limited(from: impl Read) -> io::Result<String> {
    let mut text = String::new();
    from.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        let why = format!("it is longer than {FILE_BYTES_MAX} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    Ok(text)
}

/// A secret: the first line of the file; the next line of standard input for `-`; typed without echo if there is none.
pub(crate) fn secret(file: Option<&Path>, question: &str) -> Result<Zeroizing<String>, Failure> {
    let Some(file) = file else { return typed(question) };
    let read = if file == Path::new("-") {
        say::input_line()
    } else {
        File::open(file).and_then(|f| say::first_line(&mut BufReader::new(f)))
    };
    let line = read.map_err(|e| Failure::file(file, &e))?;
    if line.is_empty() {
        return Err(Failure::yours("empty", format!("the first line of {} is empty", file.display())));
    }
    Ok(line)
}

/// A secret that is chosen: typed twice, or out of a file.
pub(crate) fn chosen_secret(file: Option<&Path>, question: &str) -> Result<Zeroizing<String>, Failure> {
    let first = secret(file, question)?;
    if file.is_none() && *typed("The same again")? != *first {
        return Err(
            Failure::yours("differs", "the two passphrases differ").hint("nothing was changed; try again")
        );
    }
    Ok(first)
}

fn typed(question: &str) -> Result<Zeroizing<String>, Failure> {
    say::ask_secret(question).map_err(|e| {
        Failure::yours("no_terminal", "there is no terminal to ask on")
            .detail(e.to_string())
            .hint("name a file with --passphrase-file, or - for standard input")
    })
}

/// What a person was told by voice: typed, or the next line of standard input.
pub(crate) fn heard(question: &str) -> Result<String, Failure> {
    let line = say::ask(question).map_err(|e| Failure::world("input", e.to_string()))?;
    if line.trim().is_empty() {
        let why = if io::stdin().is_terminal() { "nothing was typed" } else { "standard input is empty" };
        return Err(Failure::yours("empty", why).hint("type the words, or give them with --heard"));
    }
    Ok(line.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_the_first_line_of_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("passphrase");
        std::fs::write(&file, "four words of it\nanother line\n").unwrap();
        assert_eq!(secret(Some(&file), "Passphrase").unwrap().as_str(), "four words of it");
        std::fs::write(&file, "\n").unwrap();
        assert_eq!(secret(Some(&file), "Passphrase").unwrap_err().code, "empty");
        assert_eq!(secret(Some(&folder.path().join("none")), "Passphrase").unwrap_err().code, "file");
    }

    #[test]
    fn a_file_has_a_limit() {
        assert!(limited(io::repeat(b'a')).is_err());
        assert_eq!(limited(&b"a text"[..]).unwrap(), "a text");
    }
}
