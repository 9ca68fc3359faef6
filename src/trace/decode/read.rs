//! Decodes the parts of many calls' arguments: addresses, strings, arrays, lengths.

use std::net::SocketAddr;

use super::{Context, EntrySnapshot};
use crate::trace::address::{LONGEST, SocketAddress};
use crate::trace::argument::{Argument, Bytes, List, Rest};
use crate::trace::call::{Call, Moved, Returned};
use crate::trace::memory::{MOST, Memory};

/// How many first bytes identify a datagram.
const START: usize = 64;

/// Reads a socket address of `length` bytes; returns also the address itself if it is an IP address.
pub(super) fn sockaddr<M: Memory>(
    context: &Context<'_, M>,
    at: u64,
    length: i32,
) -> (Argument, Option<SocketAddr>) {
    let length = usize::try_from(length).unwrap_or_default().min(LONGEST);
    let mut bytes = [0; LONGEST];
    let bytes = &mut bytes[..length];
    if at == 0 || length < 2 || context.memory.read(at, bytes) != length {
        return (Argument::Pointer(at), None);
    }
    let address = SocketAddress::read(bytes);
    let ip = address.ip();
    (Argument::SocketAddress(Box::new(address)), ip)
}

/// Reads a string of `length` bytes; its address if the shown part cannot be read.
pub(super) fn string<M: Memory>(context: &Context<'_, M>, address: u64, length: u64) -> Argument {
    // strace reads one byte more than it shows.
    let wanted = usize::try_from(length).unwrap_or(usize::MAX);
    let wanted = wanted.min(context.bytes.saturating_add(1)).min(MOST);
    match (address != 0).then(|| context.memory.bytes(address, wanted)) {
        Some(Some(mut start)) => {
            start.truncate(context.bytes);
            let is_cut = length > start.len() as u64;
            Argument::Bytes(Bytes { start, is_cut })
        }
        _ => Argument::Pointer(address),
    }
}

/// Reads the bytes at an address; the address itself if they cannot be read. The first of them are
/// added to those that identify a datagram.
pub(super) fn payload<M: Memory>(
    context: &Context<'_, M>,
    address: u64,
    length: u64,
    moved: &mut Moved,
) -> Argument {
    let whole = usize::try_from(length).unwrap_or(usize::MAX);
    // strace reads one byte more than it shows, so only that many need be readable.
    let needed = whole.min(context.bytes.saturating_add(1)).min(MOST);
    let shown = needed.min(context.bytes);
    let kept = whole.min(needed.max(START)).min(MOST);
    let mut bytes = [0; 256];
    let mut longer = Vec::new();
    let room = match bytes.get_mut(..kept) {
        Some(room) => room,
        None => {
            longer.resize(kept, 0);
            &mut longer
        }
    };
    let read = context.memory.read(address, room).min(kept);
    if address == 0 || read < needed {
        return Argument::Pointer(address);
    }
    let missing = START.saturating_sub(moved.start.len()).min(read);
    moved.start.extend_from_slice(&room[..missing]);
    Argument::Bytes(Bytes {
        start: room[..shown].to_vec(),
        is_cut: length > shown as u64,
    })
}

/// Reads an array in the program's memory, with at most as many elements as bytes of a string are
/// shown. Unreadable parts are shown as an address.
pub(super) fn array<M: Memory, const N: usize>(
    context: &Context<'_, M>,
    (at, count): (u64, u64),
    mut element: impl FnMut(&[u8; N]) -> Argument,
) -> Argument {
    let most = context.bytes;
    let is_bounded = count
        .checked_mul(N as u64)
        .is_some_and(|size| at.checked_add(size).is_some());
    if at == 0 || (count > 0 && !is_bounded) {
        return Argument::Pointer(at);
    }
    // One more is read, as strace does before it writes the dots.
    let wanted = usize::try_from(count).unwrap_or(usize::MAX);
    let wanted = wanted.min(most.saturating_add(1)).min(MOST / N);
    let mut bytes = vec![0; wanted * N];
    let read = context.memory.read(at, &mut bytes) / N;
    if wanted > 0 && read == 0 {
        return Argument::Pointer(at);
    }
    let shown = wanted.min(read).min(most);
    let rest = match shown {
        _ if shown == wanted => Rest::None,
        _ if shown == read => Rest::Unreadable(at + (shown * N) as u64),
        _ => Rest::Cut,
    };
    let items = bytes.as_chunks::<N>().0.iter().take(shown);
    let items = items.map(&mut element).collect();
    Argument::List(List { items, rest })
}

/// A length that the kernel reads and writes: `[16]`, or `[128 => 16]`.
pub(super) fn length_argument<M: Memory>(
    call: &mut Call,
    context: &Context<'_, M>,
    address: u64,
    now: Option<u32>,
) {
    let is_good = matches!(call.returned, Returned::Value(_));
    let argument = match (context.snapshot, now) {
        (EntrySnapshot::Length(before), _) => Argument::Length {
            before: before.cast_signed(),
            after: now
                .filter(|now| now != before && is_good)
                .map(u32::cast_signed),
        },
        (_, Some(now)) if address != 0 => Argument::Length {
            before: now.cast_signed(),
            after: None,
        },
        _ => Argument::Pointer(address),
    };
    call.push(argument);
}
