//! Makes one system call of this thread fail, for tests.

use std::cell::RefCell;

use nix::errno::Errno;

use super::calls::Call;

thread_local! {
    static PLAN: RefCell<Plan> = const { RefCell::new(Plan { made: Vec::new(), fault: None }) };
}

struct Plan {
    made: Vec<Call>,
    /// The call of this number fails.
    fault: Option<(usize, Errno)>,
}

/// Starts to count; the call of that number will fail.
pub(super) fn start(fault: Option<(usize, Errno)>) {
    PLAN.with_borrow_mut(|plan| {
        plan.made.clear();
        plan.fault = fault;
    });
}

/// The calls since the start. No more calls fail.
pub(super) fn stop() -> Vec<Call> {
    PLAN.with_borrow_mut(|plan| {
        plan.fault = None;
        std::mem::take(&mut plan.made)
    })
}

pub(super) fn check(call: Call) -> nix::Result<()> {
    PLAN.with_borrow_mut(|plan| {
        let number = plan.made.len();
        plan.made.push(call);
        match plan.fault {
            Some((fault, errno)) if fault == number => {
                plan.fault = None;
                Err(errno)
            }
            _ => Ok(()),
        }
    })
}
