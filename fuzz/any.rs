//! One program for all readers: the one that the environment names in `FOREWARN_READER` reads what libFuzzer makes up.
#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use outside::{Begun, find};

thread_local! {
    static BEGUN: RefCell<Begun> = RefCell::new(begin());
}

fn begin() -> Begun {
    let name = std::env::var("FOREWARN_READER").expect("FOREWARN_READER names a reader");
    let reader = find(&name).unwrap_or_else(|| panic!("there is no reader {name}"));
    (reader.begin)()
}

fuzz_target!(|bytes: &[u8]| BEGUN.with_borrow_mut(|begun| (begun.read)(bytes)));
