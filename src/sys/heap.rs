//! How the program's heap grows. This file is only part of the binary, as `signal.rs` is.

/// Bytes that the heap grows by, at least: the tree of all commands fits.
#[cfg(target_env = "gnu")]
const STEP: libc::c_int = 1 << 20;

/// Lets the heap grow in large steps, and not shrink between them: reading the command line costs one
/// brk(2) rather than five.
#[cfg(target_env = "gnu")]
pub(crate) fn grow_in_large_steps() {
    // SAFETY: mallopt(3) changes only how much later calls of malloc(3) ask the kernel for.
    unsafe { libc::mallopt(libc::M_TOP_PAD, STEP) };
}

/// Other C libraries have no such setting.
#[cfg(not(target_env = "gnu"))]
pub(crate) fn grow_in_large_steps() {}
