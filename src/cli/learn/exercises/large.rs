//! A message above the MTU leaves in pieces that each fit.

use udpraw::error::Result;

use super::peer::{PATIENCE, Peer, REPLY, end, nothing_arrived};
use super::starter::Skeleton;
use super::trial::Trial;
use super::{Exercise, Judgement, hint};

pub(super) const EXERCISE: Exercise = Exercise {
    name: "large",
    task: |text| text.large_task(),
    skeleton: Skeleton::Client,
    judge,
};

/// The length of the message; its byte number i is i modulo 251.
const LENGTH: usize = 10_000;
const MODULUS: usize = 251;
/// What fits into a packet of 1,500 bytes.
const MOST: usize = 1472;

fn judge(trial: &mut Trial<'_>) -> Result<Judgement> {
    let receiver = Peer::new()?;
    trial.start(&[receiver.port()])?;
    let mut has_come = vec![false; LENGTH];
    let mut limit = PATIENCE;
    let mut count = 0;
    while let Some(datagram) = receiver.receive(trial, limit) {
        count += 1;
        limit = REPLY;
        let judged = piece(&datagram.bytes, &mut has_come);
        if judged.is_err() {
            return Ok(judged);
        }
    }
    if count == 0 {
        return Ok(nothing_arrived(trial));
    }
    let missing = has_come.iter().filter(|has_come| !**has_come).count();
    if missing > 0 {
        return Ok(hint(move |it| it.large_missing(missing, LENGTH)));
    }
    Ok(end(trial, REPLY))
}

/// Checks a piece, and notes what it brings.
fn piece(bytes: &[u8], has_come: &mut [bool]) -> Judgement {
    let length = bytes.len();
    if length > MOST {
        return hint(move |it| it.large_too_long(length, MOST));
    }
    let Some((head, data)) = bytes.split_first_chunk::<4>() else {
        return hint(move |it| it.large_no_offset(0, length));
    };
    let offset = u32::from_be_bytes(*head);
    let begin = offset as usize;
    let little = u32::from_le_bytes(*head);
    let fits = |begin: usize| {
        begin
            .checked_add(data.len())
            .is_some_and(|end| end <= LENGTH)
    };
    if !fits(begin) {
        return if fits(little as usize) {
            hint(move |it| it.large_little_endian(little))
        } else {
            hint(move |it| it.large_no_offset(offset, length))
        };
    }
    for (at, byte) in (begin..).zip(data) {
        if usize::from(*byte) != at % MODULUS {
            return hint(move |it| it.large_wrong_data(offset));
        }
        has_come[at] = true;
    }
    Ok(())
}
