//! Accounts for every datagram.

use crate::protocol::impairment::Tally;

/// The account of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Side {
    /// Datagrams received.
    pub received: u64,
    /// Bytes of payload in them.
    pub received_bytes: u64,
    /// Datagrams sent on.
    pub sent: u64,
    /// Bytes of payload in those.
    pub sent_bytes: u64,
    /// Datagrams that the kernel refused to send.
    pub refused: u64,
    /// Counters of the simulated network, with its losses by cause.
    pub link: Tally,
    /// Datagrams of clients without a flow.
    pub flowless: u64,
    /// Datagrams that were not relayed because of their source: up, clients that must not be
    /// answered; down, sources other than the target.
    pub unrelayed: u64,
    /// Datagrams whose flow was closed before they could leave.
    pub orphans: u64,
    /// Datagrams that are still held.
    pub held: u64,
    /// Datagrams that the kernel dropped before the relay received them, because the receive buffer
    /// was full; `None` if this kernel does not report it. They are not in [`Self::received`].
    pub kernel_drops: Option<u64>,
}

impl Side {
    /// Received and copied datagrams minus those sent, lost, or held: 0 if every datagram is
    /// accounted for.
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

/// Accounts for every datagram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ledger {
    /// From the clients to the target.
    pub up: Side,
    /// From the target to the clients.
    pub down: Side,
    /// Flows that were opened.
    pub flows_opened: u64,
    /// Flows that were closed, as idle or at the end.
    pub flows_closed: u64,
    /// How many times ICMP reported that a flow's datagrams do not arrive. They count as sent.
    pub unreachable: u64,
    /// Datagrams that arrived after the last recorded one of their flow.
    pub beyond_record: u64,
    /// Datagrams of another length than the record's.
    pub unlike_record: u64,
}

impl Ledger {
    /// As [`Side::remainder`], of the side where it is not 0.
    pub fn remainder(&self) -> i128 {
        match self.up.remainder() {
            0 => self.down.remainder(),
            remainder => remainder,
        }
    }
}
