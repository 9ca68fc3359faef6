//! What is learned from a datagram that arrived.

use std::sync::atomic::{AtomicBool, Ordering};

use super::super::answers::Answered;
use super::super::figures::{Times, record};
use super::super::session::Peer;
use crate::protocol::load::{Control, Refusal, Results};

/// Records the times of an answer. In a closed loop both round trips are the same, and one is recorded.
pub(super) fn measure(
    answered: &Answered,
    arrived: u64,
    is_open: bool,
    times: &mut Times,
    peer: Option<&mut Peer>,
) {
    let Some(visit) = answered.peer else {
        round_trip(answered, arrived, is_open, times);
        return;
    };
    let Some(peer) = peer else {
        return;
    };
    let back = arrived.wrapping_sub(visit.left).cast_signed();
    peer.filter.handle_back(arrived, back);
    record(&mut times.down, positive(back.wrapping_add(peer.offset)));
    // Of a datagram that the peer sent by itself, all times are the peer's.
    if !answered.is_of_peer() {
        let there = visit.arrived.wrapping_sub(answered.sent).cast_signed();
        peer.filter.handle_there(answered.sent, there);
        record(&mut times.up, positive(there.wrapping_sub(peer.offset)));
        round_trip(answered, arrived, is_open, times);
    }
}

fn round_trip(answered: &Answered, arrived: u64, is_open: bool, times: &mut Times) {
    record(&mut times.latency, arrived.saturating_sub(answered.due));
    if is_open {
        record(&mut times.round_trip, arrived.saturating_sub(answered.sent));
    }
}

fn positive(nanos: i64) -> u64 {
    u64::try_from(nanos).unwrap_or(1)
}

/// Learns from a datagram that controls the session; whether it is one. The server may say that it does not
/// know the session any more: then `is_lost` is raised.
pub(super) fn control(
    peer: Option<&mut Peer>,
    datagram: &[u8],
    arrived: u64,
    results: &mut Option<Results>,
    is_lost: &AtomicBool,
) -> bool {
    let (Some(peer), Some((header, control))) = (peer, Control::decode(datagram)) else {
        return false;
    };
    if header.session != peer.session {
        return false;
    }
    match control {
        Control::Results(new) => {
            let clocks = new.clocks;
            // An older one may arrive later.
            if results.is_none_or(|old| old.clocks.now <= clocks.now) {
                *results = Some(*new);
            }
            let there = clocks.now.wrapping_sub(header.sent).cast_signed();
            peer.filter.handle_there(header.sent, there);
            peer.filter
                .handle_back(arrived, arrived.wrapping_sub(clocks.now).cast_signed());
        }
        Control::Refused(Refusal::Session, _) => is_lost.store(true, Ordering::Relaxed),
        // An answer to a question that was repeated.
        Control::Challenge(..) | Control::Started(_) => {}
        _ => return false,
    }
    true
}
