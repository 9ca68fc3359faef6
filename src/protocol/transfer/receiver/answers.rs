//! The receiver's answer stream: small, rare, and repeated until it has arrived.

use std::collections::VecDeque;
use std::time::Duration;

use crate::protocol::transfer::rtt::PathRtt;
use crate::protocol::transfer::wire::Frame;

/// Bytes that wait to be answered, at most.
const MAX_BUFFERED: usize = 256 << 10;
/// Bytes that are on their way at a time.
const WINDOW: usize = 16 << 10;
/// Bytes of the stream in a packet.
const CHUNK: usize = 1_024;
/// The wait before bytes are sent again while no round trip is known.
const FIRST_WAIT: Duration = Duration::from_millis(300);
/// The longest wait before bytes are sent again.
const MAX_WAIT: Duration = Duration::from_secs(2);

#[derive(Debug, Default)]
pub(super) struct Answers {
    /// From `start` on.
    bytes: VecDeque<u8>,
    /// The sender has it up to here.
    start: u64,
    /// It was sent up to here.
    next: u64,
    /// The highest offset that was ever sent.
    reach: u64,
    /// When to send again from `start`.
    repeat_at: Option<Duration>,
    repeats: u32,
    /// An offset, and when the bytes before it were sent for the first time.
    timed: Option<(u64, Duration)>,
    rtt: PathRtt,
}

impl Answers {
    /// Bytes for which there is room.
    pub(super) fn room(&self) -> usize {
        MAX_BUFFERED.saturating_sub(self.bytes.len())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Adds what there is room for; returns how much.
    pub(super) fn write(&mut self, bytes: &[u8]) -> usize {
        let taken = bytes.len().min(self.room());
        self.bytes.extend(&bytes[..taken]);
        taken
    }

    /// The sender has it up to `offset`; `None` if it was not sent so far.
    pub(super) fn on_answered(&mut self, now: Duration, offset: u64) -> Option<()> {
        if offset > self.reach {
            return None;
        }
        let arrived = offset.saturating_sub(self.start);
        if arrived == 0 {
            return Some(());
        }
        self.bytes.drain(..arrived as usize);
        self.start = offset;
        self.next = self.next.max(offset);
        self.repeats = 0;
        if let Some((until, at)) = self.timed
            && offset >= until
        {
            self.rtt.sample(now.saturating_sub(at), Duration::ZERO);
            self.timed = None;
        }
        self.repeat_at = (self.next > self.start).then(|| self.deadline(now));
        Some(())
    }

    /// The shortest round trip of an answer.
    pub(super) fn shortest(&self) -> Option<Duration> {
        self.rtt.shortest()
    }

    fn deadline(&self, now: Duration) -> Duration {
        now.saturating_add(self.wait(self.repeats))
    }

    /// How long to wait before something is sent again, which was repeated so often.
    pub(super) fn wait(&self, repeats: u32) -> Duration {
        let wait = match self.rtt.smoothed() {
            Some(_) => self.rtt.probe_timeout(Duration::ZERO),
            // What is repeated too early is short, and doubles its wait.
            None => FIRST_WAIT,
        };
        wait.saturating_mul(1 << repeats.min(8)).min(MAX_WAIT)
    }

    /// The first packet has arrived; the question was sent last then, and so often.
    pub(super) fn on_first_packet(&mut self, now: Duration, sent: (Duration, u32)) {
        self.rtt.sample_first(now, sent);
    }

    pub(super) fn poll_timeout(&self) -> Option<Duration> {
        self.repeat_at
    }

    pub(super) fn handle_timeout(&mut self, now: Duration) {
        if self.repeat_at.is_some_and(|time| time <= now) {
            self.next = self.start;
            self.repeat_at = None;
            self.repeats = self.repeats.saturating_add(1);
            self.timed = None;
        }
    }

    /// Appends the next bytes to a payload, if any are due.
    pub(super) fn append(&mut self, now: Duration, out: &mut Vec<u8>) -> bool {
        let sent = (self.next - self.start) as usize;
        let length = (self.bytes.len() - sent).min(CHUNK);
        if length == 0 || sent + length > WINDOW {
            return false;
        }
        let (offset, end) = (self.next, self.next + length as u64);
        let bytes: Vec<u8> = self.bytes.range(sent..sent + length).copied().collect();
        let bytes = &bytes[..];
        Frame::Answer { offset, bytes }.append(out);
        self.next = end;
        if end > self.reach {
            self.reach = end;
            self.timed.get_or_insert((end, now));
        }
        if self.repeat_at.is_none() {
            self.repeat_at = Some(self.deadline(now));
        }
        true
    }
}
