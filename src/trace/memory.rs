//! Reads the memory that a call's arguments point to.

use std::fs::OpenOptions;
use std::io::IoSliceMut;
use std::sync::atomic::{AtomicU8, Ordering};

use nix::errno::Errno;
use nix::sys::ptrace;
use nix::sys::uio::{RemoteIoVec, preadv, process_vm_readv};
use nix::unistd::Pid;

/// The memory of a traced process, or its substitute in a test.
pub(super) trait Memory {
    /// Reads from `address` on; returns how many bytes could be read.
    fn read(&self, address: u64, into: &mut [u8]) -> usize;

    /// Reads exactly `N` bytes.
    fn exact<const N: usize>(&self, address: u64) -> Option<[u8; N]>
    where
        Self: Sized,
    {
        let mut bytes = [0; N];
        (address != 0 && self.read(address, &mut bytes) == N).then_some(bytes)
    }

    /// Reads at most `length` bytes, and no more than [`MOST`].
    fn bytes(&self, address: u64, length: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; length.min(MOST)];
        let read = self.read(address, &mut bytes);
        (read == bytes.len()).then_some(bytes)
    }
}

/// The most bytes that are read for one argument.
pub(super) const MOST: usize = 65_536;

/// The memory of a stopped thread.
#[derive(Clone, Copy, Debug)]
pub(super) struct Process(pub(super) i32);

impl Memory for Process {
    fn read(&self, address: u64, into: &mut [u8]) -> usize {
        read(self.0, address, into)
    }
}

/// How memory is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// `process_vm_readv(2)`.
    Call,
    /// `/proc/PID/mem`.
    File,
    /// `PTRACE_PEEKDATA`, one word at a time.
    Words,
}

/// The method of the last read: a method that failed once is not tried again.
static WAY: AtomicU8 = AtomicU8::new(0);

/// How memory is read now.
pub(super) fn way() -> Way {
    match WAY.load(Ordering::Relaxed) {
        0 => Way::Call,
        1 => Way::File,
        _ => Way::Words,
    }
}

/// Whether a call is unavailable here for every process.
fn is_forbidden(errno: Errno) -> bool {
    matches!(errno, Errno::EPERM | Errno::EACCES | Errno::ENOSYS)
}

/// Reads a traced thread's memory; returns how many bytes could be read, fewer where the memory ends.
fn read(pid: i32, address: u64, into: &mut [u8]) -> usize {
    let length = into.len();
    if length == 0 {
        return 0;
    }
    if way() == Way::Call {
        let remote = [RemoteIoVec {
            base: address as usize,
            len: length,
        }];
        match process_vm_readv(Pid::from_raw(pid), &mut [IoSliceMut::new(into)], &remote) {
            Ok(read) => return read.min(length),
            Err(errno) if is_forbidden(errno) => WAY.store(1, Ordering::Relaxed),
            Err(_) => return 0,
        }
    }
    if way() == Way::File {
        match read_file(pid, address, into) {
            Ok(read) => return read.min(length),
            Err(Some(errno)) if is_forbidden(errno) => WAY.store(2, Ordering::Relaxed),
            // /proc is not mounted.
            Err(Some(Errno::ENOENT)) if !std::path::Path::new("/proc/self/mem").exists() => {
                WAY.store(2, Ordering::Relaxed);
            }
            Err(_) => return 0,
        }
    }
    read_words(pid, address, into)
}

/// Reads page by page, since a read that starts in mapped memory and ends beyond it fails as a whole.
fn read_file(pid: i32, address: u64, into: &mut [u8]) -> Result<usize, Option<Errno>> {
    let file = OpenOptions::new()
        .read(true)
        .open(format!("/proc/{pid}/mem"));
    let file = file.map_err(|error| error.raw_os_error().map(Errno::from_raw))?;
    let mut done = 0;
    while done < into.len() {
        let at = address.wrapping_add(done as u64);
        let Ok(offset) = i64::try_from(at) else { break };
        let part = (PAGE - at as usize % PAGE).min(into.len() - done);
        let part = &mut into[done..done + part];
        match preadv(&file, &mut [IoSliceMut::new(part)], offset) {
            Ok(0) => break,
            Ok(read) => done += read,
            Err(errno) if done == 0 => return Err(Some(errno)),
            Err(_) => break,
        }
    }
    Ok(done)
}

/// The smallest page of a supported machine.
const PAGE: usize = 4096;

fn read_words(pid: i32, address: u64, into: &mut [u8]) -> usize {
    const WORD: u64 = size_of::<libc::c_long>() as u64;
    let mut done = 0;
    while done < into.len() {
        let at = address.wrapping_add(done as u64);
        let word = ptrace::read(Pid::from_raw(pid), (at - at % WORD) as ptrace::AddressType);
        let Ok(word) = word else { break };
        let bytes = word.to_ne_bytes();
        let bytes = &bytes[(at % WORD) as usize..];
        let length = bytes.len().min(into.len() - done);
        into[done..done + length].copy_from_slice(&bytes[..length]);
        done += length;
    }
    done
}
