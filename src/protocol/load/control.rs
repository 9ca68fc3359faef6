//! The content of the datagrams that control a load session.

use super::tracker::Counts;
use super::wire::{CONTROL, Header, Kind};

/// The most bytes of a plan's text.
const PLAN: usize = 160;

/// What a server allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most datagrams per second, of each session and direction.
    pub rate: u64,
    /// The longest session, in nanoseconds.
    pub time: u64,
    /// The most flows of a session.
    pub flows: u64,
}

/// A machine's clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clocks {
    /// The time by the clock of its datagrams, in nanoseconds.
    pub now: u64,
    /// By how much its wall clock (since 1970) is ahead of that.
    pub wall: u64,
    /// The same on all machines with the same clock; 0 if unknown.
    pub kernel: u64,
}

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// The token of this flow's challenge.
    pub token: [u8; 16],
    /// The highest rate that it will send at, in datagrams per second.
    pub rate: u64,
    /// For how long, in nanoseconds.
    pub time: u64,
    /// How many flows the session will have.
    pub flows: u64,
    /// The load that the server is to send, if it is to send one.
    pub reverse: Option<Reverse>,
}

/// A load that the server sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reverse {
    /// The text of its [`Plan`](super::Plan).
    pub plan: String,
    /// Bytes of payload of each datagram.
    pub size: u16,
    /// The seed of a Poisson process; `None` for constant gaps.
    pub seed: Option<u64>,
}

/// Why a server refuses a start, or a question for its figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The token is not of this address, or is too old.
    Token = 1,
    /// The rate is above [`Limits::rate`].
    Rate = 2,
    /// The time is above [`Limits::time`].
    Time = 3,
    /// There are more flows than [`Limits::flows`], or than were asked for.
    Flows = 4,
    /// It has as many sessions as it can.
    Sessions = 5,
    /// It does not understand what it is to send.
    Reverse = 6,
    /// It does not know the session, or not from this address: the answer to a [`Control::Poll`].
    Session = 7,
}

/// What a server knows of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Results {
    /// What arrived from the client, over all flows.
    pub counts: Counts,
    /// Answers that it sent.
    pub answers: u64,
    /// Datagrams that it did not answer, since they were above its limit of rate or time.
    pub over_limit: u64,
    /// Datagrams that its receive buffers dropped, from whomever they were.
    pub kernel_drops: u64,
    /// Of the load that it sends, the datagrams that were due so far.
    pub scheduled: u64,
    /// Those of them that it sent.
    pub sent: u64,
    /// Those that its kernel refused.
    pub refused: u64,
    /// Those that it could not send in time.
    pub unsent: u64,
    /// Whether it has nothing more to send.
    pub is_done: bool,
    /// Its clocks.
    pub clocks: Clocks,
}

/// Writes numbers into a datagram of control, behind its head.
struct Writer<'a>(&'a mut [u8]);

impl Writer<'_> {
    fn bytes(&mut self, bytes: &[u8]) {
        // All that is written has a fixed length, which CONTROL has room for.
        if let Some((field, rest)) = std::mem::take(&mut self.0).split_at_mut_checked(bytes.len()) {
            field.copy_from_slice(bytes);
            self.0 = rest;
        }
    }

    fn numbers(&mut self, numbers: &[u64]) {
        numbers
            .iter()
            .for_each(|number| self.bytes(&number.to_be_bytes()));
    }
}

/// Reads them.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (field, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(field)
    }

    fn number(&mut self) -> Option<u64> {
        Some(u64::from_be_bytes(self.bytes(8)?.try_into().ok()?))
    }

    fn token(&mut self) -> Option<[u8; 16]> {
        self.bytes(16)?.try_into().ok()
    }

    fn limits(&mut self) -> Option<Limits> {
        let (rate, time, flows) = (self.number()?, self.number()?, self.number()?);
        Some(Limits { rate, time, flows })
    }

    fn clocks(&mut self) -> Option<Clocks> {
        let (now, wall, kernel) = (self.number()?, self.number()?, self.number()?);
        Some(Clocks { now, wall, kernel })
    }
}

/// The content of a datagram that controls a session.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Control {
    /// [`Kind::Hello`].
    Hello,
    /// [`Kind::Challenge`].
    Challenge([u8; 16], Limits, Clocks),
    /// [`Kind::Start`].
    Start(Start),
    /// [`Kind::Started`].
    Started(Clocks),
    /// [`Kind::Refused`].
    Refused(Refusal, Limits),
    /// [`Kind::Poll`].
    Poll,
    /// [`Kind::Results`].
    Results(Box<Results>),
}

impl Control {
    /// What it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Hello => Kind::Hello,
            Self::Challenge(..) => Kind::Challenge,
            Self::Start(_) => Kind::Start,
            Self::Started(_) => Kind::Started,
            Self::Refused(..) => Kind::Refused,
            Self::Poll => Kind::Poll,
            Self::Results(_) => Kind::Results,
        }
    }

    /// Encodes it as a datagram; the kind of the head is that of the content.
    pub fn encode(&self, header: &Header) -> [u8; CONTROL] {
        let mut datagram = [0; CONTROL];
        let kind = self.kind();
        Header { kind, ..*header }.write(&mut datagram);
        let mut writer = Writer(&mut datagram[Header::LENGTH..]);
        let of_clocks = |clocks: &Clocks| [clocks.now, clocks.wall, clocks.kernel];
        let of_limits = |limits: &Limits| [limits.rate, limits.time, limits.flows];
        match self {
            Self::Hello | Self::Poll => {}
            Self::Challenge(token, limits, clocks) => {
                writer.bytes(token);
                writer.numbers(&of_limits(limits));
                writer.numbers(&of_clocks(clocks));
            }
            Self::Start(start) => {
                writer.bytes(&start.token);
                writer.numbers(&[start.rate, start.time, start.flows]);
                if let Some(reverse) = &start.reverse {
                    let seed = [u64::from(reverse.seed.is_some()), reverse.seed.unwrap_or(0)];
                    let plan = reverse.plan.as_bytes();
                    let plan = plan.get(..PLAN).unwrap_or(plan);
                    writer.numbers(&seed);
                    writer.bytes(&reverse.size.to_be_bytes());
                    writer.bytes(&[plan.len() as u8]);
                    writer.bytes(plan);
                }
            }
            Self::Started(clocks) => writer.numbers(&of_clocks(clocks)),
            Self::Refused(refusal, limits) => {
                writer.numbers(&[*refusal as u64]);
                writer.numbers(&of_limits(limits));
            }
            Self::Results(results) => {
                writer.numbers(&results.numbers());
                writer.numbers(&of_clocks(&results.clocks));
            }
        }
        datagram
    }

    /// Decodes a datagram with its head; `None` for any other.
    pub fn decode(datagram: &[u8]) -> Option<(Header, Self)> {
        let header = Header::read(datagram)?;
        if datagram.len() != CONTROL {
            return None;
        }
        let mut reader = Reader(datagram.get(Header::LENGTH..)?);
        let control = match header.kind {
            Kind::Hello => Self::Hello,
            Kind::Challenge => Self::Challenge(reader.token()?, reader.limits()?, reader.clocks()?),
            Kind::Start => Self::Start(Start {
                token: reader.token()?,
                rate: reader.number()?,
                time: reader.number()?,
                flows: reader.number()?,
                reverse: reverse(&mut reader)?,
            }),
            Kind::Started => Self::Started(reader.clocks()?),
            Kind::Refused => {
                use Refusal::{Flows, Rate, Reverse, Session, Sessions, Time, Token};
                let all = [Token, Rate, Time, Flows, Sessions, Reverse, Session];
                let number = reader.number()?;
                let refusal = all.into_iter().find(|one| *one as u64 == number)?;
                Self::Refused(refusal, reader.limits()?)
            }
            Kind::Poll => Self::Poll,
            Kind::Results => {
                let mut numbers = [0; RESULTS];
                for number in &mut numbers {
                    *number = reader.number()?;
                }
                let clocks = reader.clocks()?;
                Self::Results(Box::new(Results::from_numbers(numbers, clocks)))
            }
            Kind::Load | Kind::Answer | Kind::OneWay | Kind::Reverse => return None,
        };
        Some((header, control))
    }
}

/// What a start asks the server to send: a plan of no bytes for nothing.
fn reverse(reader: &mut Reader<'_>) -> Option<Option<Reverse>> {
    let (has_seed, seed) = (reader.number()?, reader.number()?);
    let size = u16::from_be_bytes(reader.bytes(2)?.try_into().ok()?);
    let length = usize::from(*reader.bytes(1)?.first()?);
    let plan = std::str::from_utf8(reader.bytes(length)?).ok()?.to_owned();
    let seed = (has_seed == 1).then_some(seed);
    Some((length > 0).then_some(Reverse { plan, size, seed }))
}

/// How many numbers results have, without the clocks.
pub(super) const RESULTS: usize = 22;

impl Results {
    fn numbers(&self) -> [u64; RESULTS] {
        let c = &self.counts;
        [
            c.received,
            c.unique,
            c.duplicates,
            c.too_late,
            c.reordered,
            c.three_reordered,
            c.extent_sum,
            c.extent_most,
            c.expected,
            c.bytes,
            c.pairs,
            c.ipdv_sum,
            c.ipdv_most,
            c.jitter,
            self.answers,
            self.over_limit,
            self.kernel_drops,
            self.scheduled,
            self.sent,
            self.refused,
            self.unsent,
            self.is_done.into(),
        ]
    }

    pub(super) fn from_numbers(numbers: [u64; RESULTS], clocks: Clocks) -> Self {
        let [
            received,
            unique,
            duplicates,
            too_late,
            reordered,
            three_reordered,
            rest @ ..,
        ] = numbers;
        let [
            extent_sum,
            extent_most,
            expected,
            bytes,
            pairs,
            ipdv_sum,
            rest @ ..,
        ] = rest;
        let [
            ipdv_most,
            jitter,
            answers,
            over_limit,
            kernel_drops,
            rest @ ..,
        ] = rest;
        let [scheduled, sent, refused, unsent, is_done] = rest;
        let counts = Counts {
            received,
            unique,
            duplicates,
            too_late,
            reordered,
            three_reordered,
            extent_sum,
            extent_most,
            expected,
            bytes,
            pairs,
            ipdv_sum,
            ipdv_most,
            jitter,
        };
        let is_done = is_done != 0;
        Self {
            counts,
            answers,
            over_limit,
            kernel_drops,
            scheduled,
            sent,
            refused,
            unsent,
            is_done,
            clocks,
        }
    }
}
