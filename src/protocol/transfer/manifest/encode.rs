//! Records as bytes.

use super::record::{Answer, Answered, DATA_HEAD, End, Finished, Totals};
use super::{Entry, Kind, MAX_PATH, MAX_TARGET, Violation, kind};

/// Whether a receiver accepts this path: not empty, not too long, and without a zero.
fn is_sane(path: &[u8], max_length: usize) -> bool {
    (1..=max_length).contains(&path.len()) && !path.contains(&0)
}

/// Checks the lengths of what an entry holds.
pub(super) fn check_entry(entry: &Entry) -> Result<(), Violation> {
    let target_is_sane = match &entry.kind {
        Kind::Link { target } => is_sane(target, MAX_TARGET),
        _ => true,
    };
    if !is_sane(&entry.path, MAX_PATH) || !target_is_sane {
        return Err(Violation::BadPath);
    }
    if entry.mode > 0o7777 {
        return Err(Violation::BadField("mode"));
    }
    if entry.modified.nanoseconds >= 1_000_000_000 {
        return Err(Violation::BadField("time"));
    }
    Ok(())
}

/// The bytes of an ENTRY record.
pub(super) fn entry_length(entry: &Entry) -> usize {
    let target = match &entry.kind {
        Kind::Link { target } => target.len(),
        _ => 0,
    };
    kind::ENTRY_HEAD + entry.path.len() + target
}

/// Appends a checked entry.
pub(super) fn entry(entry: &Entry, out: &mut Vec<u8>) {
    let nothing: &[u8] = &[];
    let (kind, size, target) = match &entry.kind {
        Kind::File { size } => (kind::FILE, *size, nothing),
        Kind::Folder => (kind::FOLDER, 0, nothing),
        Kind::Link { target } => (kind::LINK, 0, &target[..]),
        Kind::Stream => (kind::STREAM, u64::MAX, nothing),
    };
    out.extend_from_slice(&[kind::ENTRY, kind]);
    out.extend_from_slice(&entry.mode.to_be_bytes());
    out.extend_from_slice(&entry.modified.seconds.to_be_bytes());
    out.extend_from_slice(&entry.modified.nanoseconds.to_be_bytes());
    out.extend_from_slice(&size.to_be_bytes());
    // The lengths are checked before: at most 4,095.
    out.extend_from_slice(&(entry.path.len() as u16).to_be_bytes());
    out.extend_from_slice(&(target.len() as u16).to_be_bytes());
    out.extend_from_slice(&entry.path);
    out.extend_from_slice(target);
}

pub(super) fn listed(out: &mut Vec<u8>) {
    out.push(kind::LISTED);
}

pub(super) fn totals(totals: Totals, out: &mut Vec<u8>) {
    out.push(kind::TOTALS);
    out.extend_from_slice(&totals.entries.to_be_bytes());
    out.extend_from_slice(&totals.bytes.to_be_bytes());
}

pub(super) fn resumed(entry: u64, from: u64, out: &mut Vec<u8>) {
    out.push(kind::RESUMED);
    out.extend_from_slice(&entry.to_be_bytes());
    out.extend_from_slice(&from.to_be_bytes());
}

/// The head of a DATA record: `length` bytes of contents follow it.
pub(super) fn data_head(entry: u64, offset: u64, length: u32) -> [u8; DATA_HEAD] {
    let mut head = [0; DATA_HEAD];
    head[0] = kind::DATA;
    head[1..9].copy_from_slice(&entry.to_be_bytes());
    head[9..17].copy_from_slice(&offset.to_be_bytes());
    head[17..].copy_from_slice(&length.to_be_bytes());
    head
}

pub(super) fn end(end: End, out: &mut Vec<u8>) {
    out.push(kind::END);
    out.extend_from_slice(&end.entry.to_be_bytes());
    out.extend_from_slice(&end.length.to_be_bytes());
    out.extend_from_slice(&[end.status as u8, u8::from(end.digest.is_some())]);
    if let Some(digest) = end.digest {
        out.extend_from_slice(&digest.to_be_bytes());
    }
}

pub(super) fn finished(finished: Finished, out: &mut Vec<u8>) {
    out.push(kind::FINISHED);
    for count in [
        finished.entries,
        finished.bytes,
        finished.failed,
        finished.unlisted,
    ] {
        out.extend_from_slice(&count.to_be_bytes());
    }
}

/// Appends an answer.
pub(super) fn answered(answered: Answered, out: &mut Vec<u8>) {
    match answered {
        Answered::Run {
            first,
            answer: Answer::Resume { length, digest },
            ..
        } => {
            out.push(kind::RESUME);
            out.extend_from_slice(&first.to_be_bytes());
            out.extend_from_slice(&length.to_be_bytes());
            out.extend_from_slice(&digest.to_be_bytes());
        }
        Answered::Run {
            first,
            count,
            answer,
        } => {
            let (answer, reason) = match answer {
                Answer::Refused(reason) => (kind::REFUSED, reason as u8),
                Answer::Equal => (kind::EQUAL, 0),
                _ => (kind::SEND, 0),
            };
            out.push(kind::RUN);
            out.extend_from_slice(&first.to_be_bytes());
            out.extend_from_slice(&count.to_be_bytes());
            out.extend_from_slice(&[answer, reason]);
        }
        Answered::Failed { entry, reason } => {
            out.push(kind::FAILED);
            out.extend_from_slice(&entry.to_be_bytes());
            out.push(reason as u8);
        }
    }
}
