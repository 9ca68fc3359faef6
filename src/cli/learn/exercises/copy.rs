//! A file is copied by stop-and-wait over a network that loses a fifth.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use nix::sys::memfd::{MFdFlags, memfd_create};
use udpraw::error::Result;
use udpraw::trace::Direction;

use super::peer::{LOOK, PATIENCE, Peer, REPLY, end, failed, nothing_arrived};
use super::starter::Skeleton;
use super::trial::Trial;
use super::{Exercise, Judgement, hint};
use crate::cli::learn::network::network_both_ways;

pub(super) const EXERCISE: Exercise = Exercise {
    name: "copy",
    task: |text| text.copy_task(),
    skeleton: Skeleton::Client,
    judge,
};

const LENGTH: usize = 12_000;
/// The most data in a datagram, behind its number.
const PIECE: usize = 1024;
/// After this silence no retransmission is expected any more.
const SILENCE: Duration = Duration::from_secs(3);
/// The seed with which the network loses both data and acknowledgements early.
const SEED: u64 = 3;

fn judge(trial: &mut Trial<'_>) -> Result<Judgement> {
    let content: Vec<u8> = (0..LENGTH).map(|at| (at * 7 % 256) as u8).collect();
    // A file without a name: nothing is left behind, whatever happens.
    let file = memfd_create("udpraw learn", MFdFlags::MFD_CLOEXEC);
    let mut file = File::from(file.map_err(|errno| failed(errno.into()))?);
    file.write_all(&content).map_err(failed)?;
    let path = format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd());
    let receiver = Peer::new()?;
    let network = network_both_ways(receiver.address, "loss=20%", SEED)?;
    trial.start(&[path, network.address.port().to_string()])?;
    let mut copy = Vec::new();
    let (mut next, mut is_over) = (0, false);
    let mut limit = PATIENCE;
    let mut last = Instant::now();
    while let Some(datagram) = receiver.receive(trial, limit) {
        limit = SILENCE;
        last = Instant::now();
        let Some((head, data)) = datagram.bytes.split_first_chunk::<4>() else {
            return Ok(hint(move |it| it.copy_wrong_form(u32::MAX, next)));
        };
        let number = u32::from_be_bytes(*head);
        if number > next || data.len() > PIECE {
            return Ok(match did_not_wait(trial) {
                Some(hint) => hint,
                None => hint(move |it| it.copy_wrong_form(number, next)),
            });
        }
        if number == next {
            let begin = copy.len();
            if content.get(begin..begin + data.len()) != Some(data) {
                return Ok(hint(move |it| it.copy_wrong_data(number)));
            }
            copy.extend_from_slice(data);
            is_over = data.is_empty();
            next += 1;
        }
        receiver.send(&number.to_be_bytes(), datagram.from);
        if is_over && trial.wait(LOOK * 4, |trial| trial.end().is_some()) {
            break;
        }
    }
    if trial.sent().is_empty() {
        return Ok(nothing_arrived(trial));
    }
    if let Some(hint) = did_not_wait(trial) {
        return Ok(hint);
    }
    let (bytes, number) = (copy.len(), next);
    if !is_over && trial.end().is_none() && bytes < LENGTH {
        let seconds = last.elapsed().as_secs();
        return Ok(hint(move |it| it.copy_no_retransmission(number, seconds)));
    }
    if bytes < LENGTH {
        return Ok(hint(move |it| it.copy_incomplete(bytes, LENGTH)));
    }
    if !is_over {
        return Ok(hint(|it| it.copy_no_end()));
    }
    Ok(end(trial, 2 * REPLY))
}

/// The hint for the first datagram that has a wrong number, or left before the one before it was
/// acknowledged.
fn did_not_wait(trial: &Trial<'_>) -> Option<Judgement> {
    let first = trial
        .sent()
        .first()
        .and_then(|sent| sent.start.first_chunk::<4>().copied());
    if let Some(first) = first.map(u32::from_be_bytes).filter(|first| *first != 0) {
        return Some(hint(move |it| it.copy_wrong_form(first, 0)));
    }
    let mut acknowledged = BTreeSet::new();
    for call in trial.calls().iter().filter(|call| call.value().is_some()) {
        for moved in &call.facts.moved {
            let Some(head) = moved.start.first_chunk::<4>() else {
                continue;
            };
            let number = u32::from_be_bytes(*head);
            if call.facts.direction == Some(Direction::In) {
                acknowledged.insert(number);
            } else if number > 0 && !acknowledged.contains(&(number - 1)) {
                return Some(hint(move |it| it.copy_did_not_wait(number)));
            }
        }
    }
    None
}
