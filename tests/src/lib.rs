//! Whole-house tests; see the files in `tests/`.
