//! Where every datagram went.

use crate::protocol::impairment::Tally;

/// One direction's books.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Side {
    /// Datagrams that came in.
    pub received: u64,
    /// Bytes of payload in them.
    pub received_bytes: u64,
    /// Datagrams that the kernel took to send on.
    pub sent: u64,
    /// Bytes of payload in those.
    pub sent_bytes: u64,
    /// Datagrams that the kernel refused to send on.
    pub refused: u64,
    /// What the bad network did, with its losses by cause.
    pub link: Tally,
    /// Datagrams of clients that there was no flow for.
    pub flowless: u64,
    /// Datagrams that were not relayed for who sent them: up, clients that must not be answered; down,
    /// others than the target.
    pub unrelayed: u64,
    /// Datagrams that were to leave when their flow had been closed.
    pub orphans: u64,
    /// Datagrams that are still held.
    pub held: u64,
    /// Datagrams that the kernel dropped before the relay saw them, for a full receive buffer;
    /// `None` if this kernel does not tell. They are not in [`Self::received`].
    pub kernel_drops: Option<u64>,
}

impl Side {
    /// What came in or was copied, less what went out, was lost, or is held: 0 if the books balance.
    pub fn remainder(&self) -> i128 {
        let gone = [
            self.sent,
            self.refused,
            self.link.all_lost(),
            self.flowless,
            self.unrelayed,
            self.orphans,
            self.held,
        ];
        let gone: i128 = gone.into_iter().map(i128::from).sum();
        i128::from(self.received) + i128::from(self.link.copies) - gone
    }
}

/// Where every datagram went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ledger {
    /// From the clients to the target.
    pub up: Side,
    /// From the target to the clients.
    pub down: Side,
    /// Flows that were opened.
    pub flows_opened: u64,
    /// Flows that were closed, for want of traffic or at the end.
    pub flows_closed: u64,
    /// How often the network said that a flow's datagrams do not arrive (ICMP). They count as sent.
    pub unreachable: u64,
    /// Datagrams that came after the last one of the record for their flow.
    pub beyond_record: u64,
    /// Datagrams of another length than the record's.
    pub unlike_record: u64,
}

impl Ledger {
    /// As of [`Side::remainder`], of the side that has one.
    pub fn remainder(&self) -> i128 {
        match self.up.remainder() {
            0 => self.down.remainder(),
            remainder => remainder,
        }
    }
}
