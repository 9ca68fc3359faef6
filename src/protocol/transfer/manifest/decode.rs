//! Bytes as records, as they arrive. Only the form is checked here, not the order.

use super::record::{Answer, Answered, End, Finished, Reason, Record, Status, Totals};
use super::{DATA_HEAD, Entry, Kind, MAX_DATA, MAX_PATH, MAX_TARGET, Modified, Violation};
use super::{encode, kind};

/// The fields of a record, one after the other.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// The next field; zeros if the record is shorter, which its length excludes.
    fn take<const N: usize>(&mut self) -> [u8; N] {
        match self.0.split_first_chunk() {
            Some((field, rest)) => {
                self.0 = rest;
                *field
            }
            None => [0; N],
        }
    }

    fn u8(&mut self) -> u8 {
        let [byte] = self.take();
        byte
    }

    fn u16(&mut self) -> u16 {
        u16::from_be_bytes(self.take())
    }

    fn u32(&mut self) -> u32 {
        u32::from_be_bytes(self.take())
    }

    fn u64(&mut self) -> u64 {
        u64::from_be_bytes(self.take())
    }

    fn u128(&mut self) -> u128 {
        u128::from_be_bytes(self.take())
    }

    fn bytes(&mut self, length: usize) -> &'a [u8] {
        let (bytes, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        bytes
    }
}

/// A record that has not arrived completely.
#[derive(Clone, Debug, Default)]
struct Partial(Vec<u8>);

impl Partial {
    /// Takes bytes until the record is complete; false if there are too few. `needed` returns the
    /// bytes up to the next field that says how long the record is.
    fn fill(
        &mut self,
        input: &mut &[u8],
        needed: impl Fn(&[u8]) -> Result<usize, Violation>,
    ) -> Result<bool, Violation> {
        loop {
            let missing = needed(&self.0)?.saturating_sub(self.0.len());
            if missing == 0 {
                return Ok(true);
            }
            if input.is_empty() {
                return Ok(false);
            }
            let (bytes, rest) = input.split_at(missing.min(input.len()));
            self.0.extend_from_slice(bytes);
            *input = rest;
        }
    }
}

/// Decodes the forward stream.
#[derive(Clone, Debug, Default)]
pub(super) struct Decoder {
    partial: Partial,
    /// The DATA record whose bytes are arriving.
    data: Option<Data>,
}

#[derive(Clone, Copy, Debug)]
struct Data {
    entry: u64,
    offset: u64,
    /// At least one.
    left: usize,
}

/// A record whose entry has no index yet.
pub(super) enum Decoded<'a> {
    Entry(Entry),
    Other(Record<'a>),
}

impl Decoder {
    /// The next record, if it is complete; takes its bytes from `input`.
    pub(super) fn decode<'a>(
        &mut self,
        input: &mut &'a [u8],
    ) -> Result<Option<Decoded<'a>>, Violation> {
        if self.data.is_none() {
            if !self.partial.fill(input, record_length)? {
                return Ok(None);
            }
            let record = self.record();
            self.partial.0.clear();
            if let Some(record) = record? {
                return Ok(Some(record));
            }
        }
        Ok(self.contents(input).map(Decoded::Other))
    }

    /// The next bytes of the DATA record, in place.
    fn contents<'a>(&mut self, input: &mut &'a [u8]) -> Option<Record<'a>> {
        let data = self.data.as_mut()?;
        if input.is_empty() {
            return None;
        }
        let (bytes, rest) = input.split_at(data.left.min(input.len()));
        *input = rest;
        let record = Record::Data {
            entry: data.entry,
            offset: data.offset,
            bytes,
        };
        data.left -= bytes.len();
        // The record's length was checked: its end is below 2^64.
        data.offset = data.offset.saturating_add(bytes.len() as u64);
        if data.left == 0 {
            self.data = None;
        }
        Some(record)
    }

    /// Bytes of the DATA record that have not arrived yet.
    pub(super) fn left(&self) -> u64 {
        self.data.map_or(0, |data| data.left as u64)
    }

    /// The complete record; none for the head of DATA.
    fn record<'a>(&mut self) -> Result<Option<Decoded<'a>>, Violation> {
        let mut fields = Fields(&self.partial.0);
        let record = match fields.u8() {
            kind::ENTRY => return entry(fields).map(|entry| Some(Decoded::Entry(entry))),
            kind::LISTED => Record::Listed,
            kind::TOTALS => Record::Totals(Totals {
                entries: fields.u64(),
                bytes: fields.u64(),
            }),
            kind::RESUMED => Record::Resumed {
                entry: fields.u64(),
                from: fields.u64(),
            },
            kind::DATA => {
                let (entry, offset) = (fields.u64(), fields.u64());
                let left = fields.u32();
                if offset.checked_add(u64::from(left)).is_none() {
                    return Err(Violation::BadOffset { entry, offset });
                }
                let left = left as usize;
                self.data = Some(Data {
                    entry,
                    offset,
                    left,
                });
                return Ok(None);
            }
            kind::END => Record::End(end(fields)?),
            kind::FINISHED => Record::Finished(Finished {
                entries: fields.u64(),
                bytes: fields.u64(),
                failed: fields.u64(),
                unlisted: fields.u64(),
            }),
            unknown => return Err(Violation::UnknownRecord(unknown)),
        };
        Ok(Some(Decoded::Other(record)))
    }
}

/// The bytes of the record that begins so, or up to the next field that determines them.
fn record_length(record: &[u8]) -> Result<usize, Violation> {
    let Some(kind) = record.first() else {
        return Ok(1);
    };
    match *kind {
        kind::ENTRY => {
            let Some(lengths) = record.get(24..kind::ENTRY_HEAD) else {
                return Ok(kind::ENTRY_HEAD);
            };
            let mut lengths = Fields(lengths);
            let (path, target) = (usize::from(lengths.u16()), usize::from(lengths.u16()));
            if path == 0 || path > MAX_PATH || target > MAX_TARGET {
                return Err(Violation::BadPath);
            }
            Ok(kind::ENTRY_HEAD + path + target)
        }
        kind::LISTED => Ok(kind::LISTED_LENGTH),
        kind::TOTALS => Ok(kind::TOTALS_LENGTH),
        kind::RESUMED => Ok(kind::RESUMED_LENGTH),
        kind::DATA => {
            if let Some(length) = record.get(17..DATA_HEAD)
                && !(1..=MAX_DATA).contains(&(Fields(length).u32() as usize))
            {
                return Err(Violation::BadLength);
            }
            Ok(DATA_HEAD)
        }
        kind::END => match record.get(18) {
            Some(0) | None => Ok(kind::END_HEAD),
            Some(1) => Ok(kind::END_HEAD + 16),
            Some(_) => Err(Violation::BadField("flag of a digest")),
        },
        kind::FINISHED => Ok(kind::FINISHED_LENGTH),
        unknown => Err(Violation::UnknownRecord(unknown)),
    }
}

fn entry(mut fields: Fields<'_>) -> Result<Entry, Violation> {
    let kind = fields.u8();
    let mode = fields.u16();
    let modified = Modified {
        seconds: i64::from_be_bytes(fields.take()),
        nanoseconds: fields.u32(),
    };
    let size = fields.u64();
    let (path, target) = (usize::from(fields.u16()), usize::from(fields.u16()));
    let path = fields.bytes(path).to_vec();
    let target = fields.bytes(target).to_vec();
    let expected_size = match kind {
        kind::FILE => size,
        kind::STREAM => u64::MAX,
        _ => 0,
    };
    if size != expected_size {
        return Err(Violation::BadField("size"));
    }
    if kind != kind::LINK && !target.is_empty() {
        return Err(Violation::BadPath);
    }
    let kind = match kind {
        kind::FILE => Kind::File { size },
        kind::FOLDER => Kind::Folder,
        kind::LINK => Kind::Link { target },
        kind::STREAM => Kind::Stream,
        _ => return Err(Violation::BadField("kind of entry")),
    };
    let entry = Entry {
        kind,
        path,
        mode,
        modified,
    };
    encode::check_entry(&entry)?;
    Ok(entry)
}

fn end(mut fields: Fields<'_>) -> Result<End, Violation> {
    let (entry, length) = (fields.u64(), fields.u64());
    let status = Status::ALL
        .get(usize::from(fields.u8()))
        .ok_or(Violation::BadField("status"))?;
    let digest = (fields.u8() == 1).then(|| fields.u128());
    Ok(End {
        entry,
        length,
        status: *status,
        digest,
    })
}

/// Decodes the answer stream.
#[derive(Clone, Debug, Default)]
pub(super) struct AnswerDecoder {
    partial: Partial,
}

impl AnswerDecoder {
    /// The next answer, if it is complete; takes its bytes from `input`.
    pub(super) fn decode(&mut self, input: &mut &[u8]) -> Result<Option<Answered>, Violation> {
        if !self.partial.fill(input, answer_length)? {
            return Ok(None);
        }
        let answered = answer(Fields(&self.partial.0));
        self.partial.0.clear();
        answered.map(Some)
    }
}

fn answer_length(record: &[u8]) -> Result<usize, Violation> {
    match record.first() {
        None => Ok(1),
        Some(&kind::RUN) => Ok(kind::RUN_LENGTH),
        Some(&kind::RESUME) => Ok(kind::RESUME_LENGTH),
        Some(&kind::FAILED) => Ok(kind::FAILED_LENGTH),
        Some(&unknown) => Err(Violation::UnknownRecord(unknown)),
    }
}

fn answer(mut fields: Fields<'_>) -> Result<Answered, Violation> {
    match fields.u8() {
        kind::RUN => {
            let (first, count) = (fields.u64(), fields.u32());
            let answer = match (fields.u8(), fields.u8()) {
                (kind::SEND, 0) => Answer::Send,
                (kind::EQUAL, 0) => Answer::Equal,
                (kind::REFUSED, code) => Answer::Refused(reason(code)?),
                _ => return Err(Violation::BadField("answer")),
            };
            Ok(Answered::Run {
                first,
                count,
                answer,
            })
        }
        kind::RESUME => {
            let first = fields.u64();
            let (length, digest) = (fields.u64(), fields.u128());
            Ok(Answered::Run {
                first,
                count: 1,
                answer: Answer::Resume { length, digest },
            })
        }
        kind::FAILED => Ok(Answered::Failed {
            entry: fields.u64(),
            reason: reason(fields.u8())?,
        }),
        unknown => Err(Violation::UnknownRecord(unknown)),
    }
}

fn reason(code: u8) -> Result<Reason, Violation> {
    Reason::ALL
        .get(usize::from(code))
        .copied()
        .ok_or(Violation::BadField("reason"))
}
