//! What a transfer carries: a list of entries, and the contents of those that the receiver wants.
//! Sans-IO, as bytes of two streams.
//!
//! The *forward stream* goes from the sender to the receiver, the *answer stream* back; both are
//! complete and in order. A file, a folder and a pipe are the same thing: a list of entries. The
//! sender lists, the receiver answers each entry in that order, and the sender sends what is wanted,
//! in that order too, while it lists more. So a million small files do not wait for a round trip
//! each, and neither end holds more than [`MAX_SECTIONS`] sections of the list.
//!
//! [`SenderState`] and [`ReceiverState`] are the two ends: they encode, decode, and check form and
//! order. What a peer does wrong is a [`Violation`], after which the transfer ends.
//!
//! # Forward records
//! Numbers are big-endian. A record is its kind (1 byte), then its fields (bytes):
//!
//! | kind | fields | notes |
//! | --- | --- | --- |
//! | 1 ENTRY | kind (1): 0 file, 1 folder, 2 link, 3 stream; mode (2): at most 07777; mtime: seconds (8, signed), nanoseconds (4): below 10^9; size (8): 2^64-1 for a stream, 0 for a folder or link; length of the path (2): 1 to 4,095; length of the target (2): 1 to 4,095 for a link, else 0; path; target | its index is the number of entries before it; no zero in path or target; path components are separated by `/` |
//! | 2 LISTED | none | the end of a section: 1 to 1,024 entries, at most 65,536 bytes of ENTRY records |
//! | 3 TOTALS | entries (8), bytes of files (8) | how much there is; for progress only; at any place |
//! | 4 RESUMED | entry (8), from (8) | once, before the contents of an entry that was answered by RESUME: its length if the digest is that of the sender's beginning, else 0 |
//! | 5 DATA | entry (8), offset (8), length (4): 1 to 2^20; bytes | |
//! | 6 END | entry (8), length (8), status (1), flag (1): 0 or 1; XXH3-128 of the contents (16) if the flag is 1 | the length with holes |
//! | 7 FINISHED | entries (8), bytes in DATA (8), entries that ended with a status other than 0 (8), things that could not be listed (8) | the last record, when every entry is done |
//!
//! The status is that of [`Status`] in its order: 0 whole, 1 changed, 2 vanished, 3 forbidden,
//! 4 unreadable, 5 different, 6 abandoned.
//!
//! An entry is *done* once it is answered and, if it is wanted, ended. RESUMED, DATA and END are
//! about the oldest entry that is not done. The offset of DATA is not below the end of earlier DATA
//! of the entry (for the first: 0, or the offset of RESUMED). In a file, what lies between is a hole
//! of zeros, and nothing exceeds the size; in a stream there are no gaps. At END with status 0 the
//! length is a file's size, and a stream's end of DATA. With another status the length is between the
//! end of DATA and the size, and RESUMED may be missing: the contents are not to be used as complete.
//!
//! At most 8 sections may be open: ended by LISTED, with an entry that is not done. The next ENTRY
//! waits for that.
//!
//! # Answer records
//! | kind | fields | notes |
//! | --- | --- | --- |
//! | 1 RUN | first entry (8), count (4): at least 1; answer (1): 0 send, 1 equal, 2 refused; reason (1): 0 unless refused | the same answer to successive entries |
//! | 2 RESUME | entry (8), length (8): 1 to the file's size; XXH3-128 of the kept bytes (16) | send from there, if the kept part is the beginning |
//! | 3 FAILED | entry (8), reason (1) | a wanted entry cannot be stored; each once, in the order of the list; also after its END |
//!
//! RUN and RESUME answer each entry once, in order. Send and RESUME are for files and streams; a
//! folder or link that was made or was there is answered by "equal". The reason is that of
//! [`Reason`] in its order: 0 exists, 1 kind, 2 special, 3 path, 4 name, 5 permission, 6 space,
//! 7 too large, 8 busy, 9 unsupported, 10 storage, 11 parent.
//!
//! # Example
//! ```
//! use udpraw::protocol::transfer::manifest::{
//!     Answer, Entry, Kind, Modified, ReceiverState, Record, SenderState, Status,
//! };
//!
//! let (mut sender, mut receiver) = (SenderState::new(), ReceiverState::new());
//! let (mut forward, mut answers) = (Vec::new(), Vec::new());
//! let entry = Entry {
//!     kind: Kind::File { size: 5 },
//!     path: b"greeting".to_vec(),
//!     mode: 0o644,
//!     modified: Modified::default(),
//! };
//! sender.list(&entry, &mut forward)?;
//! sender.end_section(&mut forward);
//!
//! let mut input = &forward[..];
//! while let Some(record) = receiver.decode(&mut input)? {
//!     if let Record::Entry { .. } = record {
//!         receiver.answer(Answer::Send);
//!     }
//! }
//! receiver.poll_answers(&mut answers);
//!
//! forward.clear();
//! sender.handle_answers(&answers)?;
//! assert_eq!(sender.poll_answer(), Some((0, Answer::Send)));
//! forward.extend_from_slice(&sender.data_head(0, 5));
//! forward.extend_from_slice(b"hello");
//! sender.end(5, Status::Whole, None, &mut forward);
//! sender.finish(0, &mut forward);
//!
//! let mut input = &forward[..];
//! assert_eq!(
//!     receiver.decode(&mut input)?,
//!     Some(Record::Data { entry: 0, offset: 0, bytes: b"hello" })
//! );
//! while receiver.decode(&mut input)?.is_some() {}
//! assert!(receiver.is_finished());
//! # Ok::<(), udpraw::protocol::transfer::manifest::Violation>(())
//! ```

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
