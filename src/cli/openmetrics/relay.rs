//! The metrics of `udpraw relay`.

use std::fmt;
use std::time::Duration;

use udpraw::protocol::impairment::{Cause, Direction};
use udpraw::relay::{Observer, Side};

use super::{Family, Page};

/// How long to wait for the relay to write its account down. It needs less than a millisecond, and
/// writes none at its end: then the last one is shown.
const PATIENCE: Duration = Duration::from_millis(250);

static RECEIVED: Family = Family::new("udpraw_relay_datagrams_received", "Datagrams received.");
static RECEIVED_BYTES: Family = Family::bytes(
    "udpraw_relay_received",
    "Bytes of payload in the datagrams received.",
);
static SENT: Family = Family::new(
    "udpraw_relay_datagrams_sent",
    "Datagrams sent, including duplicates.",
);
static SENT_BYTES: Family = Family::bytes(
    "udpraw_relay_sent",
    "Bytes of payload in the datagrams sent.",
);
static LOST: Family = Family::new(
    "udpraw_relay_datagrams_lost",
    "Datagrams lost, including duplicates, by cause.",
);
static DUPLICATED: Family = Family::new(
    "udpraw_relay_datagrams_duplicated",
    "Copies that the simulated network made.",
);
static CORRUPTED: Family = Family::new(
    "udpraw_relay_datagrams_corrupted",
    "Datagrams in which a bit was flipped.",
);
static TRUNCATED: Family = Family::new(
    "udpraw_relay_datagrams_truncated",
    "Datagrams that were cut short.",
);
static REORDERED: Family = Family::new(
    "udpraw_relay_datagrams_reordered",
    "Datagrams sent out of order.",
);
static DELAYED: Family = Family::new(
    "udpraw_relay_datagrams_delayed",
    "Datagrams that were delayed.",
);
static PENDING: Family = Family::new(
    "udpraw_relay_datagrams_pending",
    "Datagrams that are delayed now.",
);
static UNACCOUNTED: Family = Family::new(
    "udpraw_relay_datagrams_unaccounted",
    "Received and duplicated, less sent, lost and pending: 0 unless the relay has a fault.",
);
static KERNEL_DROPS: Family = Family::new(
    "udpraw_relay_kernel_drops",
    "Datagrams that the kernel dropped before the relay received them.",
);
static FLOWS: Family = Family::new("udpraw_relay_flows", "Open flows.");
static FLOWS_OPENED: Family = Family::new("udpraw_relay_flows_opened", "Flows opened.");
static FLOWS_CLOSED: Family = Family::new("udpraw_relay_flows_closed", "Flows closed.");
static ICMP_ERRORS: Family = Family::new(
    "udpraw_relay_icmp_errors",
    "ICMP errors received for datagrams that were relayed.",
);

/// Writes the account of a relay.
pub(crate) fn write(page: &mut Page<'_>, observer: &Observer) -> fmt::Result {
    let ledger = observer.ledger(PATIENCE);
    let sides = [(Direction::Up, &ledger.up), (Direction::Down, &ledger.down)];
    let each = |value: fn(&Side) -> u64| {
        sides.map(|(direction, side)| ([("direction", direction.name())], value(side)))
    };
    page.counters(&RECEIVED, each(|side| side.received))?;
    page.counters(&RECEIVED_BYTES, each(|side| side.received_bytes))?;
    page.counters(&SENT, each(|side| side.sent))?;
    page.counters(&SENT_BYTES, each(|side| side.sent_bytes))?;
    let lost = sides.iter().flat_map(|(direction, side)| {
        losses(side).map(|(cause, count)| {
            let labels = [("direction", direction.name()), ("cause", cause)];
            (labels, count)
        })
    });
    page.counters(&LOST, lost)?;
    page.counters(&DUPLICATED, each(|side| side.link.copies))?;
    page.counters(&CORRUPTED, each(|side| side.link.corrupted))?;
    page.counters(&TRUNCATED, each(|side| side.link.truncated))?;
    page.counters(&REORDERED, each(|side| side.link.reordered))?;
    page.counters(&DELAYED, each(|side| side.link.delayed))?;
    let gauges = |value: fn(&Side) -> i64| {
        sides.map(|(direction, side)| ([("direction", direction.name())], value(side)))
    };
    page.gauges(&PENDING, gauges(|side| side.held.cast_signed()))?;
    page.gauges(&UNACCOUNTED, gauges(|side| side.remainder() as i64))?;
    let drops = sides.iter().filter_map(|(direction, side)| {
        Some(([("direction", direction.name())], side.kernel_drops?))
    });
    page.counters(&KERNEL_DROPS, drops)?;
    page.gauge(&FLOWS, ledger.flows_opened - ledger.flows_closed)?;
    page.counter(&FLOWS_OPENED, ledger.flows_opened)?;
    page.counter(&FLOWS_CLOSED, ledger.flows_closed)?;
    page.counter(&ICMP_ERRORS, ledger.unreachable)
}

/// The losses by cause, with the names of the JSON summary.
fn losses(side: &Side) -> [(&'static str, u64); 9] {
    let link = |cause| side.link.lost_to(cause);
    [
        ("blackhole", link(Cause::Blackhole)),
        ("mtu", link(Cause::Mtu)),
        ("loss", link(Cause::Loss)),
        ("queue", link(Cause::Queue)),
        ("overflow", link(Cause::Overflow)),
        ("refused", side.refused),
        ("no_flow", side.flowless),
        ("rejected_source", side.unrelayed),
        ("flow_closed", side.orphans),
    ]
}
