//! A file of 100 GB of which 99 % are there: both ends read them again for minutes, and neither gives
//! up. No byte is stored: contents are a function of the offset, and the clock is a number.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use udpraw::protocol::congestion::Cubic;
use udpraw::protocol::transfer::manifest::{
    Answer, Entry, Kind, MAX_DATA, Modified, ReceiverState, Record, SenderState, Status as Ending,
};
use udpraw::protocol::transfer::{
    Access, Incoming, Listener, Receiver, ReceiverConfig, Sender, Sink, Source, Status,
};
use udpraw::socket::Ecn;

use crate::{key, sender_config};

const SIZE: u64 = 100_000_000_000;
const KEPT: u64 = SIZE / 100 * 99;
/// What both ends would compute.
const DIGEST: u128 = 0x1234_5678;
/// Bytes that a disk reads in a second.
const READS: u64 = 400_000_000;
const DELAY: Duration = Duration::from_millis(5);
/// The longest silence.
const LIFE: Duration = Duration::from_secs(15);
/// No multiple of anything that is sent at once.
const PERIOD: usize = 65_521;

/// Bytes of the file, from any offset.
fn pattern() -> Vec<u8> {
    let mut bytes = vec![0; PERIOD];
    fastrand::Rng::with_seed(1).fill(&mut bytes);
    bytes.extend_from_within(..);
    bytes
}

fn contents(pattern: &[u8], offset: u64, most: usize) -> &[u8] {
    let start = (offset % PERIOD as u64) as usize;
    &pattern[start..start + most.min(PERIOD)]
}

/// The forward stream: what is encoded, and between it the contents.
struct Forward {
    /// Each part's offset in the stream, its bytes, and the contents that follow it: from where, and
    /// how many.
    parts: Vec<(u64, Vec<u8>, u64, u64)>,
    end: u64,
    pattern: Vec<u8>,
    is_complete: bool,
}

impl Forward {
    fn push(&mut self, bytes: Vec<u8>, from: u64, length: u64) {
        let start = self.end;
        self.end += bytes.len() as u64 + length;
        self.parts.push((start, bytes, from, length));
    }
}

impl Source for Forward {
    fn available(&self) -> u64 {
        self.end
    }

    fn is_complete(&self) -> bool {
        self.is_complete
    }

    fn bytes(&self, offset: u64, max_length: usize) -> &[u8] {
        let index = self.parts.partition_point(|part| part.0 <= offset) - 1;
        let (start, head, from, length) = &self.parts[index];
        let skip = offset - start;
        if let Some(rest) = head.get(skip as usize..).filter(|rest| !rest.is_empty()) {
            return &rest[..rest.len().min(max_length)];
        }
        let at = skip - head.len() as u64;
        contents(
            &self.pattern,
            from + at,
            max_length.min((length - at) as usize),
        )
    }
}

/// The receiver's disk.
struct Disk {
    list: ReceiverState,
    pattern: Vec<u8>,
    at: u64,
    has_entry: bool,
    is_whole: bool,
}

impl Sink for Disk {
    fn write(&mut self, mut bytes: &[u8]) {
        while let Some(record) = self.list.decode(&mut bytes).expect("valid records") {
            match record {
                Record::Entry { .. } => self.has_entry = true,
                Record::Resumed { from, .. } => self.at = from,
                Record::Data { offset, bytes, .. } => {
                    assert_eq!(offset, self.at);
                    for piece in bytes.chunks(PERIOD) {
                        assert!(contents(&self.pattern, self.at, piece.len()) == piece);
                        self.at += piece.len() as u64;
                    }
                }
                Record::End(end) => {
                    self.is_whole = (end.status, end.length) == (Ending::Whole, SIZE)
                }
                _ => {}
            }
        }
    }
}

/// Work that takes time: when it began.
#[derive(Clone, Copy, PartialEq)]
enum Work {
    NotYet,
    Since(Duration),
    Finished,
}

impl Work {
    /// How much of it is done; begins it if `may`, and ends it.
    fn progress(&mut self, now: Duration, bytes: u64) -> Option<u64> {
        let Self::Since(since) = *self else {
            return None;
        };
        let done = (now - since).as_millis() as u64 * (READS / 1_000);
        if done >= bytes {
            *self = Self::Finished;
        }
        Some(done.min(bytes))
    }
}

struct Life {
    last: Duration,
    longest: Duration,
}

impl Life {
    fn sign(&mut self, now: Duration) {
        self.longest = self.longest.max(now - self.last);
        self.last = now;
    }
}

#[allow(clippy::too_many_lines)] // One loop over everything that there is.
fn resumes(timeout: Duration) {
    let mut config = sender_config(1, true);
    (config.timeout, config.max_datagram) = (timeout, 65_507);
    let mut sender = Sender::new(Duration::ZERO, 5, config, Box::new(Cubic::new(1_200)));
    let mut listener = Listener::new([1; 16], Access::Code(key()));
    let mut receiver: Option<Receiver> = None;
    let (mut up, mut down) = (VecDeque::new(), VecDeque::new());
    let source = SocketAddr::from(([127, 0, 0, 1], 9));

    let mut list = SenderState::new();
    let mut forward = Forward {
        parts: Vec::new(),
        end: 0,
        pattern: pattern(),
        is_complete: false,
    };
    let mut listed = Vec::new();
    let entry = Entry {
        kind: Kind::File { size: SIZE },
        path: b"disk.img".to_vec(),
        mode: 0o600,
        modified: Modified::default(),
    };
    list.list(&entry, &mut listed).expect("listed");
    list.end_section(&mut listed);
    forward.push(listed, 0, 0);
    let mut disk = Disk {
        list: ReceiverState::new(),
        pattern: pattern(),
        at: 0,
        has_entry: false,
        is_whole: false,
    };

    let (mut checking, mut comparing, mut storing) = (Work::NotYet, Work::NotYet, Work::NotYet);
    let life = || Life {
        last: Duration::ZERO,
        longest: Duration::ZERO,
    };
    let (mut at_sender, mut at_receiver, mut shown) = (life(), life(), life());
    let mut progress = 0;
    let (mut now, mut datagrams, mut answers) = (Duration::ZERO, Vec::new(), Vec::new());
    let mut rounds = 0_u64;
    while sender.result().is_none() {
        rounds += 1;
        assert!(rounds < 3_000_000, "{now:?} {sender:#?}");
        while up.front().is_some_and(|(at, _)| *at <= now) {
            let (_, datagram): (_, Vec<u8>) = up.pop_front().expect("one");
            let mut answer = Vec::new();
            match listener.handle_datagram(
                now,
                source,
                &datagram,
                &mut || Some([3; 32]),
                &mut answer,
            ) {
                Incoming::Response => down.push_back((now + DELAY, answer)),
                Incoming::Open(opening) => {
                    let mut config = ReceiverConfig::default();
                    (config.window, config.max_window) = (1 << 20, 4 << 20);
                    (config.timeout, config.max_datagram) = (timeout, 65_507);
                    receiver = opening.accept(now, config);
                }
                Incoming::Packet(_) => {
                    let receiver = receiver.as_mut().expect("a receiver");
                    let taken =
                        receiver.handle_datagram(now, source, Ecn::Ect0, &datagram, &mut disk);
                    taken.expect("taken");
                    at_receiver.sign(now);
                }
                other => panic!("{other:?}"),
            }
        }
        while down.front().is_some_and(|(at, _)| *at <= now) {
            let (_, datagram): (_, Vec<u8>) = down.pop_front().expect("one");
            sender.handle_datagram(now, &datagram).expect("taken");
            at_sender.sign(now);
        }

        // The receiver's disk thread.
        if let Some(receiver) = &mut receiver {
            if checking == Work::NotYet && disk.has_entry {
                checking = Work::Since(now);
            }
            if let Some(done) = checking.progress(now, KEPT) {
                receiver.set_status(Status::Checking { done, total: KEPT });
                if checking == Work::Finished {
                    receiver.set_status(Status::Receiving);
                    let (length, digest) = (KEPT, DIGEST);
                    disk.list
                        .answer(Answer::Resume { length, digest })
                        .expect("an answer");
                    let mut answers = Vec::new();
                    disk.list.poll_answers(&mut answers);
                    assert_eq!(receiver.write_answer(&answers), answers.len());
                }
            }
            if storing == Work::NotYet && receiver.is_complete() {
                storing = Work::Since(now);
            }
            if storing.progress(now, KEPT).is_some() && storing == Work::Finished {
                receiver.on_stored(now);
            }
            receiver.handle_timeout(now);
            while let Some(outgoing) = receiver.poll_transmit(now) {
                down.push_back((now + DELAY, outgoing.bytes.to_vec()));
            }
        }

        // The sender's disk thread.
        answers.clear();
        sender.take_answers(&mut answers);
        list.handle_answers(&answers).expect("valid answers");
        if let Some((0, answer)) = list.poll_answer() {
            assert_eq!(
                answer,
                Answer::Resume {
                    length: KEPT,
                    digest: DIGEST
                }
            );
            comparing = Work::Since(now);
        }
        if comparing.progress(now, KEPT).is_some() && comparing == Work::Finished {
            let mut bytes = Vec::new();
            list.resumed(KEPT, &mut bytes);
            forward.push(bytes, 0, 0);
            for offset in (KEPT..SIZE).step_by(MAX_DATA) {
                let length = (SIZE - offset).min(MAX_DATA as u64);
                let head = list.data_head(offset, length as usize);
                forward.push(head.to_vec(), offset, length);
            }
            let mut bytes = Vec::new();
            list.end(SIZE, Ending::Whole, None, &mut bytes);
            list.finish(0, &mut bytes);
            forward.push(bytes, 0, 0);
            forward.is_complete = true;
        }
        sender.handle_timeout(now);
        while let Some(run) = sender.poll_transmit(now, &forward) {
            run.copy(&forward, &mut datagrams);
            let pieces = datagrams.chunks(run.segment_size());
            up.extend(pieces.map(|piece| (now + DELAY, piece.to_vec())));
        }
        // What a person sees of the other end.
        let is_news = match sender.status() {
            Status::Checking { done, .. } => std::mem::replace(&mut progress, done) != done,
            _ => true,
        };
        if is_news {
            shown.sign(now);
        }

        let second = Duration::from_millis(now.as_millis() as u64 / 250 * 250 + 250);
        let is_working = [checking, comparing, storing]
            .iter()
            .any(|work| matches!(work, Work::Since(_)));
        let times = [
            up.front().map(|front| front.0),
            down.front().map(|front| front.0),
            sender.poll_timeout(),
            receiver.as_ref().and_then(Receiver::poll_timeout),
            is_working.then_some(second),
        ];
        now = times
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(now)
            .max(now + Duration::from_nanos(1));
    }
    assert_eq!(sender.result(), Some(Ok(())));
    assert!(disk.is_whole && disk.at == SIZE && disk.list.is_finished());
    for life in [&at_sender, &at_receiver, &shown] {
        assert!(
            life.longest <= LIFE + 4 * DELAY,
            "{:?} without a sign of life",
            life.longest
        );
    }
    // Three times so long, and the last hundredth.
    assert!(now.as_secs() > 3 * KEPT / READS, "{now:?}");
    eprintln!(
        "timeout {timeout:?}: {now:?}, {rounds} rounds, {} datagrams of up to {}; the longest silence {:?}, {:?}, shown {:?}",
        sender.counts().datagrams,
        sender.datagram_size(),
        at_sender.longest,
        at_receiver.longest,
        shown.longest
    );
}

#[test]
fn a_hundred_gigabytes_go_on_at_99_percent() {
    for seconds in [5, 30, 60] {
        resumes(Duration::from_secs(seconds));
    }
}
