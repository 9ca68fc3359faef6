//! What a transfer carries: a list of entries, and the contents of those that the receiver wants.

mod decode;
mod encode;
mod entry;
mod kind;
mod receiver;
mod record;
mod sender;
mod violation;

pub use entry::{Entry, Kind, Modified};
pub use receiver::ReceiverState;
pub use record::{
    Answer, Answered, DATA_HEAD, End, Finished, MAX_DATA, MAX_PATH, MAX_SECTIONS, MAX_TARGET,
    Reason, Record, SECTION_BYTES, SECTION_ENTRIES, Status, Totals,
};
pub use sender::SenderState;
pub use violation::Violation;
