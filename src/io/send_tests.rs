//! Sending with a simulated kernel: it accepts what its rules allow, and records it.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::socket::Family;

/// A kernel with its own rules.
#[derive(Default)]
struct Kernel {
    /// The result of a call before it handles a message: an error, or 0 to accept a limited number.
    script: VecDeque<Call>,
    /// Runs of more datagrams than this are EINVAL.
    segments: usize,
    /// Runs of larger datagrams are EMSGSIZE.
    segment_size: usize,
    /// The error for every run.
    runs: Option<i32>,
    /// The error for every datagram of this size.
    never: Option<(usize, i32)>,
    took: Vec<Vec<u8>>,
    calls: usize,
    waits: usize,
}

#[derive(Clone, Copy, Debug)]
enum Call {
    Take(usize),
    Fail(i32),
}

impl Kernel {
    fn judge(&self, message: &Transmit<'_>) -> Result<(), i32> {
        match (message.is_run(), self.runs, self.never) {
            (_, _, Some((length, errno))) if message.segment() == length => Err(errno),
            (true, Some(errno), _) => Err(errno),
            (true, _, _) if message.count() > self.segments => Err(libc::EINVAL),
            (true, _, _) if message.segment() > self.segment_size => Err(libc::EMSGSIZE),
            _ => Ok(()),
        }
    }
}

impl Outlet for Kernel {
    fn attempt<'m>(
        &mut self,
        _endpoint: &Endpoint,
        count: usize,
        _may_block: bool,
        message: impl Fn(usize) -> Transmit<'m>,
    ) -> io::Result<usize> {
        self.calls += 1;
        assert!(self.calls < 10_000, "it never ends");
        let most = match self.script.pop_front() {
            Some(Call::Fail(errno)) => return Err(io::Error::from_raw_os_error(errno)),
            Some(Call::Take(most)) => most.clamp(1, count),
            None => count,
        };
        for index in 0..most {
            let message = message(index);
            match self.judge(&message) {
                Err(errno) if index == 0 => return Err(io::Error::from_raw_os_error(errno)),
                Err(_) => return Ok(index),
                Ok(()) => {}
            }
            let datagrams =
                (0..message.parts(1)).map(|part| message.part(part, 1).contents.to_vec());
            self.took.extend(datagrams);
        }
        Ok(most)
    }

    fn wait_for_room(&mut self, _endpoint: &Endpoint, _left: Option<Duration>) -> io::Result<bool> {
        self.waits += 1;
        Ok(true)
    }
}

/// Sends runs, each of `(datagrams, size)`; each byte is the number of its run.
fn send(kernel: &mut Kernel, runs: &[(usize, usize)], limits: &mut Limits) -> (Sent, Counters) {
    let endpoint = Endpoint::builder().unbound(Family::V4).unwrap();
    let data: Vec<Vec<u8>> = runs
        .iter()
        .enumerate()
        .map(|(number, (count, size))| vec![number as u8; count * size])
        .collect();
    let mut state = SendState::new(std::mem::take(kernel), *limits);
    let destination = SocketAddr::from(([127, 0, 0, 1], 9));
    let done = state.send(&endpoint, runs.len(), Wait::Forever, |index| {
        Transmit::new(&data[index])
            .to(destination)
            .in_segments_of(runs[index].1)
    });
    assert_eq!(done, runs.len());
    (*kernel, *limits) = (state.outlet, state.limits);
    (state.sent, state.counters)
}

fn kernel() -> Kernel {
    Kernel {
        segments: 128,
        segment_size: 65_507,
        ..Kernel::default()
    }
}

/// Each datagram of `runs`, in order.
fn datagrams(runs: &[(usize, usize)]) -> Vec<Vec<u8>> {
    let of =
        |(number, (count, size)): (usize, &(usize, usize))| vec![vec![number as u8; *size]; *count];
    runs.iter().enumerate().flat_map(of).collect()
}

proptest! {
    #[test]
    fn each_goes_once_and_in_order_whatever_the_kernel_says(
        runs in prop::collection::vec((1..200_usize, 1..30_usize), 0..12),
        script in prop::collection::vec(prop_oneof![
            (0..5_usize).prop_map(Call::Take),
            prop::sample::select(vec![libc::EINTR, libc::EAGAIN, libc::ECONNREFUSED]).prop_map(Call::Fail),
        ], 0..30),
        segments in prop::sample::select(vec![1, 64, 128, 1000]),
        segment_size in prop::sample::select(vec![0, 10, 65_507]),
        refusal in prop::sample::select(vec![None, Some(libc::EIO), Some(libc::EINVAL), Some(libc::EOPNOTSUPP)]),
    ) {
        let mut kernel = Kernel { script: script.into(), segments, segment_size, runs: refusal, ..Kernel::default() };
        let (sent, counters) = send(&mut kernel, &runs, &mut Limits::MOST.clone());
        let want = datagrams(&runs);
        prop_assert_eq!(sent.datagrams, want.len());
        prop_assert_eq!(counters.sent, want.len() as u64);
        prop_assert_eq!(sent.refused, 0);
        prop_assert_eq!(&kernel.took, &want);
    }
}

#[test]
fn a_refused_datagram_does_not_hold_up_the_others() {
    for errno in [
        libc::ENOBUFS,
        libc::EPERM,
        libc::EMSGSIZE,
        libc::ENETUNREACH,
    ] {
        let mut kernel = kernel();
        kernel.never = Some((7, errno));
        let (sent, counters) = send(
            &mut kernel,
            &[(1, 5), (1, 7), (1, 6)],
            &mut Limits::NONE.clone(),
        );
        assert_eq!((sent.datagrams, sent.refused), (2, 1));
        assert_eq!(kernel.took, [vec![0; 5], vec![2; 6]]);
        assert_eq!(
            sent.error.unwrap().errno(),
            Some(errno),
            "it surfaces as itself"
        );
        assert_eq!(counters.refused, 1);
    }
}

#[test]
fn what_icmp_says_of_an_earlier_datagram_is_told_and_nothing_is_lost() {
    let mut kernel = kernel();
    kernel.script = [Call::Take(2), Call::Fail(libc::EHOSTUNREACH)].into();
    let (sent, _) = send(&mut kernel, &[(1, 5); 4], &mut Limits::NONE.clone());
    assert_eq!((sent.datagrams, sent.refused), (4, 0));
    assert_eq!(kernel.took, datagrams(&[(1, 5); 4]));
    assert_eq!(sent.error.unwrap().errno(), Some(libc::EHOSTUNREACH));
}

#[test]
fn a_full_socket_is_waited_for() {
    let mut kernel = kernel();
    kernel.script = [
        Call::Fail(libc::EAGAIN),
        Call::Take(1),
        Call::Fail(libc::EAGAIN),
    ]
    .into();
    let (sent, counters) = send(&mut kernel, &[(1, 5); 3], &mut Limits::NONE.clone());
    assert_eq!(
        (sent.datagrams, kernel.waits, counters.would_block),
        (3, 2, 2)
    );
    assert!(sent.error.is_none());
}

#[test]
fn it_learns_what_runs_the_kernel_takes() {
    // An older kernel: 64, not 128.
    let mut kernel = kernel();
    kernel.segments = 64;
    let mut limits = Limits::MOST;
    let (sent, counters) = send(&mut kernel, &[(128, 5)], &mut limits);
    assert_eq!(
        (sent.datagrams, counters.offload_fallbacks, limits.segments),
        (128, 0, 64)
    );
    assert_eq!(
        kernel.calls, 2,
        "one refused, then both halves in one batch"
    );

    // A device without checksum offload: no runs at all.
    let mut kernel = self::kernel();
    kernel.runs = Some(libc::EIO);
    let mut limits = Limits::MOST;
    let (sent, counters) = send(&mut kernel, &[(3, 5), (1, 4)], &mut limits);
    assert_eq!((sent.datagrams, counters.offload_fallbacks), (4, 1));
    assert_eq!(limits, Limits::NONE);

    // Datagrams above the path MTU: smaller ones still travel in runs.
    let mut kernel = self::kernel();
    kernel.segment_size = 1472;
    let mut limits = Limits::MOST;
    let (sent, counters) = send(&mut kernel, &[(3, 1473)], &mut limits);
    assert_eq!((sent.datagrams, counters.offload_fallbacks), (3, 1));
    assert_eq!((limits.segments, limits.segment_size), (128, 1472));
}

#[test]
fn a_destination_that_refuses_everything_says_nothing_about_runs() {
    let mut kernel = kernel();
    kernel.never = Some((5, libc::EINVAL));
    let mut limits = Limits::MOST;
    let (sent, counters) = send(&mut kernel, &[(100, 5), (3, 4)], &mut limits);
    assert_eq!((sent.datagrams, sent.refused), (3, 100));
    assert_eq!(limits, Limits::MOST);
    assert_eq!(counters.refused, 100);
    assert_eq!(sent.error.unwrap().errno(), Some(libc::EINVAL));
}
