//! `mmap(2)` of a file that may shrink while it is mapped.
//!
//! Reading a page of a mapping beyond the file's end raises SIGBUS. A handler maps zeros there instead
//! and records it, so that the reader continues and can find out afterwards that it did not read the
//! file's content.

use std::fs::File;
use std::io;
use std::num::NonZeroUsize;
use std::ptr::NonNull;
use std::slice;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use nix::sys::mman::{MapFlags, MmapAdvise, ProtFlags, madvise, mmap, munmap};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::unistd::{SysconfVar, sysconf};

/// The mappings that the handler covers, one per slot.
const PLACES: usize = 16;

static GUARDED: [Guard; PLACES] = [const { Guard::new() }; PLACES];
/// The previous SIGBUS action, once the handler is installed; none if it could not be.
static BEFORE: OnceLock<Option<SigAction>> = OnceLock::new();
/// The page size in bytes; set before the handler is installed.
static PAGE: AtomicUsize = AtomicUsize::new(0);

/// A guarded mapping, as the handler sees it.
struct Guard {
    taken: AtomicBool,
    start: AtomicUsize,
    end: AtomicUsize,
    is_short: AtomicBool,
}

impl Guard {
    const fn new() -> Self {
        Self {
            taken: AtomicBool::new(false),
            start: AtomicUsize::new(0),
            end: AtomicUsize::new(0),
            is_short: AtomicBool::new(false),
        }
    }
}

/// A whole file as memory, to be read only.
#[derive(Debug)]
pub(crate) struct Map {
    address: NonNull<libc::c_void>,
    length: NonZeroUsize,
    place: usize,
}

// SAFETY: it owns its mapping, which any thread may read and unmap.
unsafe impl Send for Map {}

// SAFETY: what is shared of it is read only.
unsafe impl Sync for Map {}

impl Map {
    /// Maps the first `length` bytes of `file`.
    ///
    /// # Errors
    /// The errors of mmap(2), and ENOMEM if too many files are mapped already.
    pub(crate) fn new(file: &File, length: NonZeroUsize) -> io::Result<Self> {
        BEFORE.get_or_init(install);
        let place = GUARDED
            .iter()
            .position(|guard| !guard.taken.swap(true, Ordering::AcqRel))
            .ok_or(io::Error::from_raw_os_error(libc::ENOMEM))?;
        let guard = &GUARDED[place];
        let (read, shared) = (ProtFlags::PROT_READ, MapFlags::MAP_SHARED);
        // SAFETY: mmap(2) without MAP_FIXED takes addresses that nothing else uses.
        let mapped = unsafe { mmap(None, length, read, shared, file, 0) };
        let address = mapped.inspect_err(|_| guard.taken.store(false, Ordering::Release))?;
        let start = address.as_ptr() as usize;
        guard.is_short.store(false, Ordering::Release);
        guard.start.store(start, Ordering::Release);
        guard.end.store(start + length.get(), Ordering::Release);
        // The file is read sequentially; failure of this advice is harmless. SAFETY: madvise(2) demands
        // a mapped range; MADV_SEQUENTIAL changes nothing in it.
        let _ = unsafe { madvise(address, length.get(), MmapAdvise::MADV_SEQUENTIAL) };
        Ok(Self {
            address,
            length,
            place,
        })
    }

    /// The file's bytes. Concurrent writes of other programs may or may not be visible.
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: the range is mapped for reading until `drop`; pages beyond the file's end are
        // replaced by the handler. As with any file mapping, another process may change the bytes
        // while they are looked at: they are copied and summed, and no length or index comes of them.
        unsafe { slice::from_raw_parts(self.address.as_ptr().cast(), self.length.get()) }
    }

    /// Whether a part was read that the file no longer had.
    pub(crate) fn is_short(&self) -> bool {
        GUARDED[self.place].is_short.load(Ordering::Acquire)
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        let guard = &GUARDED[self.place];
        guard.start.store(0, Ordering::Release);
        guard.end.store(0, Ordering::Release);
        // SAFETY: munmap(2) demands a range that was mapped: `new` did, and no borrow is left.
        let _ = unsafe { munmap(self.address, self.length.get()) };
        guard.taken.store(false, Ordering::Release);
    }
}

fn install() -> Option<SigAction> {
    let page = sysconf(SysconfVar::PAGE_SIZE).ok().flatten()?;
    PAGE.store(usize::try_from(page).ok()?, Ordering::Release);
    // On the alternate stack where a thread has one, like the standard library's own handler, which
    // reports stack overflows.
    let action = SigAction::new(
        SigHandler::SigAction(on_bus_error),
        SaFlags::SA_SIGINFO | SaFlags::SA_ONSTACK,
        SigSet::empty(),
    );
    // SAFETY: sigaction(2) changes what the whole process does on a SIGBUS; the handler loads and
    // stores atomics, calls sigaction, which signal-safety(7) lists, and mmap, which is one system call.
    unsafe { sigaction(Signal::SIGBUS, &action) }.ok()
}

extern "C" fn on_bus_error(_: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: sigaction(2) hands a valid siginfo_t to a handler with SA_SIGINFO.
    let info = unsafe { &*info };
    // SAFETY: si_addr is set for SIGBUS (sigaction(2)).
    let address = unsafe { info.si_addr() } as usize;
    for guard in &GUARDED {
        let (start, end) = (
            guard.start.load(Ordering::Acquire),
            guard.end.load(Ordering::Acquire),
        );
        if start <= address && address < end {
            guard.is_short.store(true, Ordering::Release);
            // To the end at once: no later page exists either.
            let page = address - address % PAGE.load(Ordering::Acquire).max(1);
            // SAFETY: mmap(2) with MAP_FIXED replaces what is mapped in the range: it lies in this
            // mapping of ours, whose bytes stay readable.
            let replaced = unsafe {
                libc::mmap(
                    page as *mut libc::c_void,
                    end - page,
                    libc::PROT_READ,
                    libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED,
                    -1,
                    0,
                )
            };
            if replaced != libc::MAP_FAILED {
                return;
            }
        }
    }
    // Not ours: the instruction runs again, for the previous handler.
    if let Some(Some(before)) = BEFORE.get() {
        // SAFETY: sigaction(2) gives back to the process what it had for this signal.
        let _ = unsafe { sigaction(Signal::SIGBUS, before) };
    } else {
        // SAFETY: signal(2) with SIG_DFL installs no code.
        unsafe { libc::signal(libc::SIGBUS, libc::SIG_DFL) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As large as any page of a supported machine.
    const PAGE: usize = 64 << 10;

    #[test]
    fn a_file_that_shrinks_reads_as_zeros_and_is_reported() {
        let file = tempfile::tempfile().expect("a file");
        let length = NonZeroUsize::new(5 * PAGE + 7).expect("not zero");
        file.set_len(length.get() as u64).expect("room");
        std::os::unix::fs::FileExt::write_all_at(&file, &[7; 2 * PAGE], 0).expect("room");
        let map = Map::new(&file, length).expect("mapped");
        assert_eq!(map.bytes()[2 * PAGE - 1], 7);
        assert_eq!(map.bytes().len(), length.get());
        assert!(!map.is_short());
        file.set_len(PAGE as u64).expect("shorter");
        assert_eq!(map.bytes()[PAGE - 1], 7);
        assert!(!map.is_short());
        assert_eq!(map.bytes()[PAGE], 0);
        assert!(map.is_short());
        assert_eq!(map.bytes()[length.get() - 1], 0);
        drop(map);
        let again = Map::new(&file, NonZeroUsize::new(PAGE).expect("not zero")).expect("mapped");
        assert!(!again.is_short());
    }
}
