//! Makes one system call of this thread fail, for tests.

use std::cell::RefCell;
use std::os::fd::OwnedFd;

use nix::errno::Errno;

use super::calls::Call;

thread_local! {
    static PLAN: RefCell<Plan> = const {
        RefCell::new(Plan { made: Vec::new(), fault: None, never: None, copies: None })
    };
}

struct Plan {
    made: Vec<Call>,
    /// The call of this number fails.
    fault: Option<(usize, Errno)>,
    /// This call always fails.
    never: Option<(Call, Errno)>,
    /// A copy of each file opened, as a child has that another thread is starting.
    copies: Option<Vec<OwnedFd>>,
}

/// Starts to count; the call of that number will fail, and each call of a kind.
pub(super) fn start(fault: Option<(usize, Errno)>, never: Option<(Call, Errno)>) {
    PLAN.with_borrow_mut(|plan| {
        plan.made.clear();
        (plan.fault, plan.never) = (fault, never);
        plan.copies = Some(Vec::new());
    });
}

/// The calls since the start. No more calls fail; copies are made until [`close_copies`].
pub(super) fn stop() -> Vec<Call> {
    PLAN.with_borrow_mut(|plan| {
        (plan.fault, plan.never) = (None, None);
        std::mem::take(&mut plan.made)
    })
}

pub(super) fn copy(file: &OwnedFd) {
    PLAN.with_borrow_mut(|plan| {
        if let Some(copies) = &mut plan.copies {
            copies.push(file.try_clone().unwrap());
        }
    });
}

pub(super) fn close_copies() {
    PLAN.with_borrow_mut(|plan| plan.copies = None);
}

pub(super) fn check(call: Call) -> nix::Result<()> {
    PLAN.with_borrow_mut(|plan| {
        let number = plan.made.len();
        plan.made.push(call);
        if let Some((fault, errno)) = plan.fault
            && fault == number
        {
            plan.fault = None;
            return Err(errno);
        }
        match plan.never {
            Some((never, errno)) if never == call => Err(errno),
            _ => Ok(()),
        }
    })
}
