//! What a transfer carries: a list of entries, and the contents of those that the receiver wants.

mod entry;

pub use entry::{Entry, Kind, Modified};
