//! Counts the steps of loops and trees, in tests: what an acknowledgement and a datagram cost, on any
//! machine.

#[cfg(test)]
thread_local! {
    static STEPS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// One more step.
#[inline]
pub(super) fn step() {
    #[cfg(test)]
    STEPS.set(STEPS.get() + 1);
}

/// How many there were in this thread.
#[cfg(test)]
pub(super) fn taken() -> u64 {
    STEPS.get()
}
